"""Views are what Keras' own random layers draw."""

import numpy as np
import pytest

from src.model.classifier import augmentation_layers
from src.model.views import augmented_view


def keras_view(images, flip, rotation, seed):
    x = images.astype(np.float32)
    for number, layer in enumerate(augmentation_layers(flip, rotation)):
        drawn = layer.get_random_transformation(x, training=True, seed=seed + number)
        x = layer.transform_images(x, drawn, training=True)
    return np.asarray(x)


@pytest.mark.parametrize("flip", ["horizontal", "vertical", "horizontal_and_vertical", None])
@pytest.mark.parametrize("rotation", [0.0, 0.2])
def test_same_as_the_layers_to_within_rounding(rng, flip, rotation):
    images = rng.integers(0, 256, (16, 64, 64, 3)).astype(np.uint8)
    members = np.arange(16)
    view = augmented_view(images, members, draws=16, flip=flip, rotation=rotation, seed=8)
    difference = np.abs(view - keras_view(images, flip, rotation, 8))
    # OpenCV rounds; on noise, where neighbours differ by 255, its coordinates show too.
    assert difference.mean() < 0.5
    assert difference.max() <= 2
    if flip or rotation:
        assert np.abs(view.astype(int) - images).mean() > 10


def test_a_view_does_not_depend_on_which_images_are_asked_for(rng):
    images = rng.integers(0, 256, (16, 64, 64, 3)).astype(np.uint8)
    settings = {"draws": 16, "flip": "horizontal", "rotation": 0.2, "seed": 4}
    whole = augmented_view(images, np.arange(16), **settings)
    some = np.array([2, 3, 11])
    np.testing.assert_array_equal(augmented_view(images[some], some, **settings), whole[some])


def test_another_seed_draws_another_view(rng):
    images = rng.integers(0, 256, (8, 64, 64, 3)).astype(np.uint8)
    settings = {"draws": 8, "flip": "horizontal", "rotation": 0.2}
    one = augmented_view(images, np.arange(8), seed=0, **settings)
    other = augmented_view(images, np.arange(8), seed=2, **settings)
    assert (one != other).any()
