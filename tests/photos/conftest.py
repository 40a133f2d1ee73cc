"""Fixtures for tests of photos: a classifier of patches of 96 pixels, and a drawn photo."""

import keras
import numpy as np
import pytest
from PIL import Image

from src.data.drawn.photograph import draw_photograph
from tests.samples import light_classifier


@pytest.fixture(scope="session")
def classifier() -> keras.Model:
    """A classifier that finds cracks in some tiles."""
    return light_classifier()


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """A drawn photo of 400 x 300 pixels with a crack."""
    drawn = draw_photograph(np.random.default_rng(3), 300, 400, cracked=True)
    return Image.fromarray(drawn.pixels)
