"""Predictions averaged over the flips of an image."""

import keras
import numpy as np
import pytest

from src.data.image_batches import load_images
from src.model.fitting import Part, predict_end_to_end


@pytest.fixture
def classifier() -> keras.Model:
    """One whose answer depends on where in the image a pixel lies."""
    keras.utils.set_random_seed(0)
    images = keras.Input((96, 96, 3))
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.AveragePooling2D(32)(x)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(x))
    return keras.Model(images, outputs)


def test_mean_over_the_four_flips(classifier, patches):
    root, listing = patches
    paths = [root / path for path in listing.path[:6]]
    part = Part(paths, np.arange(6), listing.label.to_numpy()[:6])
    images = load_images(paths).astype(np.float32)
    flips = (images, images[:, ::-1], images[:, :, ::-1], images[:, ::-1, ::-1])
    each = [classifier.predict(np.ascontiguousarray(flipped), verbose=0) for flipped in flips]
    found = predict_end_to_end(classifier, part, 4, flips=True)
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-4)
    plain = predict_end_to_end(classifier, part, 4)
    np.testing.assert_allclose(plain, each[0], rtol=1e-4)
    assert np.abs(plain - found).max() > 1e-3
