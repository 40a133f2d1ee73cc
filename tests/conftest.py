"""What tests of several folders share: the configuration, drawn patches and small classifiers."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

# Before TensorFlow is imported, as it reads this once.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from src.config.loader import CONF, compose_config
from src.config.schema import Config, Train
from src.data.dataset import Part
from src.data.drawn.pictures import write_patches
from tests.sections import changed

# TensorFlow takes seconds to import, and most tests do without it.
if TYPE_CHECKING:
    import keras

ROOT = CONF.parent

# A loaded machine is slow, not wrong.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def composed() -> Callable[..., Config]:
    """The real configuration with overrides, checked; without this machine's own settings."""

    @cache
    def build(*overrides: str, name: str = "config") -> Config:
        return compose_config(["~local", *overrides], name)

    return build


@pytest.fixture(scope="session")
def patches(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """40 drawn patches of 96 pixels, and their listing (path, label)."""
    root = tmp_path_factory.mktemp("patches") / "images"
    write_patches(root, images=40, seed=1, size=96)
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))
    labels = [int(path.startswith("Positive")) for path in paths]
    return root, pd.DataFrame({"path": paths, "label": labels})


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def backbone() -> "keras.Model":
    """One for all tests of a process; see `classifier_of`."""
    from tests.samples import small_backbone

    return small_backbone()


@pytest.fixture(scope="session")
def classifier_of(backbone: "keras.Model") -> Callable[..., "keras.Model"]:
    """Build a classifier on the shared backbone; every one starts from the same weights.

    The next one takes them back, so a test is done with one before it builds another.
    """
    import keras

    from src.model.classifier import build_classifier

    before = backbone.get_weights()

    def build(frozen_layers: int, dropout: float = 0.0) -> keras.Model:
        backbone.set_weights(before)
        keras.utils.set_random_seed(1)
        return build_classifier(
            backbone, frozen_layers=frozen_layers, dropout=dropout, flip=None, rotation=0.0
        )

    return build


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """(4, 96, 96, 3) uint8, drawn patches."""
    from tests.samples import drawn_patches

    return drawn_patches(4)


@pytest.fixture(scope="session")
def recipe(composed: Callable[..., Config]) -> Train:
    """A few epochs of small batches."""
    few = {"epochs": 3, "batch_size": 8, "learning_rate": 1e-4, "seed": 3}
    return changed(composed().train, **few, patience=5, schedule="constant")


@pytest.fixture(scope="session")
def parts(patches: tuple[Path, pd.DataFrame]) -> dict[str, Part]:
    """28 of the patches to train on, and 12 to validate on."""
    root, listing = patches
    rows = np.random.default_rng(0).permutation(len(listing))
    chosen = {"train": np.sort(rows[:28]), "validation": np.sort(rows[28:])}
    return {
        name: Part([root / listing.path[row] for row in rows], rows, listing.label.to_numpy()[rows])
        for name, rows in chosen.items()
    }
