"""Fixtures for tests of several folders: the configuration, drawn patches, small classifiers."""

import gc
import logging
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

# TensorFlow reads this variable when it is imported, so it is set before.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from src.config.garbage import collect_garbage_less_often
from src.config.loader import CONF, compose_config
from src.config.schema import Config, Train
from src.data.dataset import Part
from src.data.drawn.pictures import write_patches
from tests.sections import changed
from tests.warm.stand_in import python_in

# TensorFlow takes seconds to import, and most tests do not need it.
if TYPE_CHECKING:
    import keras

ROOT = CONF.parent

collect_garbage_less_often()
# Examples have no time limit, because a busy machine may be slow without any fault of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, so that in the end no worker is left alone with one."""
    tests = ROOT / "tests"
    items.sort(key=lambda item: item.path.parent not in (tests / "whole", tests))


def pytest_collection_finish() -> None:
    """Leave what tests have imported out of all searches for garbage."""
    gc.freeze()


class Messages(logging.Handler):
    """Keeps the messages that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], list[str]]:
    """Function that returns the messages which a module will log, as a list that grows.

    The module gets a logger of its own, which no configuration of logging in another test reaches.
    """

    def listen(module: ModuleType) -> list[str]:
        logger, messages = logging.Logger(module.__name__), Messages()
        logger.addHandler(messages)
        monkeypatch.setattr(module, "logger", logger)
        return messages.texts

    return listen


@pytest.fixture(scope="session")
def composed() -> Callable[..., Config]:
    """Function that composes and checks conf/ with overrides, without this machine's settings."""

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


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in for Python whose commands start with the libraries imported; see tests/warm/."""
    folder = tmp_path_factory.getbasetemp()
    # Each worker of pytest-xdist has a folder in that of the test run.
    return python_in(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def backbone() -> "keras.Model":
    """A small backbone that all tests of a process share; see `classifier_of`."""
    from tests.samples import small_backbone

    return small_backbone()


@pytest.fixture(scope="session")
def classifier_of(backbone: "keras.Model") -> Callable[..., "keras.Model"]:
    """Function that builds a classifier on the shared backbone, always from the same weights.

    A new classifier resets the weights of the former one, so a test uses one at a time.
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
    """Four drawn patches (4, 96, 96, 3) uint8."""
    from tests.samples import drawn_patches

    return drawn_patches(4)


@pytest.fixture(scope="session")
def recipe(composed: Callable[..., Config]) -> Train:
    """Settings of a short training: a few epochs with small batches."""
    few = {"epochs": 3, "batch_size": 8, "learning_rate": 1e-4, "seed": 3}
    return changed(composed().train, **few, patience=5, schedule="constant")


@pytest.fixture(scope="session")
def parts(patches: tuple[Path, pd.DataFrame]) -> dict[str, Part]:
    """The patches in two parts: 28 for training and 12 for validation."""
    root, listing = patches
    rows = np.random.default_rng(0).permutation(len(listing))
    chosen = {"train": np.sort(rows[:28]), "validation": np.sort(rows[28:])}
    return {
        name: Part([root / listing.path[row] for row in rows], rows, listing.label.to_numpy()[rows])
        for name, rows in chosen.items()
    }
