"""Views are what Keras' own random layers draw."""

import numpy as np
import pytest

from src.model.classifier import augmentation_layers
from src.model.views import FLIPS, augmented_view, flipped_view


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


@pytest.mark.slow
@pytest.mark.parametrize("flip", ["horizontal", "vertical", "horizontal_and_vertical", None])
def test_flips_in_turn_are_all_that_the_layer_draws(rng, flip):
    image = rng.integers(0, 256, (1, 8, 8, 3)).astype(np.uint8)
    drawn = {keras_view(image, flip, 0.0, seed).tobytes() for seed in range(60)}
    views = [flipped_view(image, flip, view) for view in range(len(FLIPS[flip]))]
    assert {view.astype(np.float32).tobytes() for view in views} == drawn
    assert len(drawn) == len(views)
    np.testing.assert_array_equal(views[0], image)
