"""Classifiers on a small backbone."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from src.model.classifier import build_classifier
from tests.samples import small_backbone


@pytest.fixture(scope="session")
def backbone() -> keras.Model:
    return small_backbone()


@pytest.fixture
def classifier_of(backbone) -> Callable[..., keras.Model]:
    """Build a classifier on the shared backbone; every one starts from the same weights."""
    before = backbone.get_weights()

    def build(frozen_layers: int, dropout: float = 0.0) -> keras.Model:
        backbone.set_weights(before)
        keras.utils.set_random_seed(1)
        return build_classifier(
            backbone, frozen_layers=frozen_layers, dropout=dropout, flip=None, rotation=0.0
        )

    yield build
    backbone.set_weights(before)


@pytest.fixture
def images(rng) -> np.ndarray:
    return rng.integers(0, 256, (4, 96, 96, 3)).astype(np.uint8)
