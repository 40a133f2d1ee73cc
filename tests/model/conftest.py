"""A small backbone: the published architecture at 96 pixels, where its graph is the same."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from src.model.classifier import build_backbone, build_classifier


@pytest.fixture(scope="session")
def backbone() -> keras.Model:
    """Random weights whose batch normalisations all do something."""
    keras.utils.set_random_seed(0)
    backbone = build_backbone(96)
    rng = np.random.default_rng(0)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape
            layer.gamma.assign(rng.uniform(0.7, 1.3, size))
            layer.beta.assign(rng.normal(0, 0.2, size))
            layer.moving_mean.assign(rng.normal(0, 0.2, size))
            layer.moving_variance.assign(rng.uniform(0.5, 1.5, size))
    return backbone


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
