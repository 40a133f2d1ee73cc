"""What tests of several folders share: the composed configuration and a few drawn patches."""

import os
from collections.abc import Callable
from pathlib import Path

# Before TensorFlow is imported, as it reads this once.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from src.config.loader import CONF, compose_config
from src.config.schema import Config
from src.data.drawn.pictures import write_patches

ROOT = CONF.parent

# A loaded machine is slow, not wrong.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def composed() -> Callable[..., Config]:
    """The real configuration with overrides, checked; without this machine's own settings."""

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
