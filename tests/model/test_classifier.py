"""The classifier is the published one."""

import keras
import numpy as np
import pytest

from src.errors import InputError
from src.model.backbones import build_backbone
from src.model.classifier import (
    backbone_of,
    build_classifier,
    inference_model,
    parameter_counts,
)
from src.model.end_to_end import EndToEnd


@pytest.fixture(scope="module")
def published() -> keras.Model:
    backbone = build_backbone("mobilenet_v2", 227)
    return build_classifier(
        backbone, frozen_layers=150, dropout=0.2, flip="horizontal", rotation=0.2
    )


@pytest.fixture(scope="module")
def augmented(backbone) -> keras.Model:
    """A small classifier with random layers, the same in any order of the tests."""
    keras.utils.set_random_seed(1)
    return build_classifier(
        backbone, frozen_layers=150, dropout=0.5, flip="horizontal", rotation=0.2
    )


@pytest.mark.slow
def test_parameters_are_as_published(published):
    assert parameter_counts(published) == {
        "total": 2_260_546,
        "trainable": 415_362,
        "non_trainable": 1_845_184,
    }


def test_layers_are_as_published(published):
    kinds = [type(layer).__name__ for layer in published.layers]
    assert kinds == [
        "InputLayer",
        "RandomFlip",
        "RandomRotation",
        "Rescaling",
        "Functional",
        "GlobalAveragePooling2D",
        "Dropout",
        "Dense",
    ]
    assert published.input_shape == (None, 227, 227, 3)
    assert published.output_shape == (None, 2)
    assert len(backbone_of(published).layers) == 154


def test_first_layers_are_frozen(published):
    frozen = [not layer.trainable for layer in backbone_of(published).layers]
    assert frozen == [True] * 150 + [False] * 4


def test_uint8_and_float_images_give_the_same_probabilities(published, rng):
    images = rng.integers(0, 256, (2, 227, 227, 3)).astype(np.uint8)
    probabilities = np.asarray(published(images, training=False))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    as_floats = published(images.astype(np.float32), training=False)
    np.testing.assert_array_equal(probabilities, as_floats)


@pytest.mark.slow
def test_inference_model_is_the_same_function_without_random_layers(augmented, images):
    plain = inference_model(augmented)
    assert not any("Random" in type(layer).__name__ for layer in plain.layers)
    expected = augmented(images, training=False)
    np.testing.assert_allclose(plain(images), expected, rtol=1e-6)
    assert np.abs(np.diff(expected[:, 0])).min() > 1e-3


@pytest.mark.slow
def test_training_leaves_the_moving_statistics(classifier_of, images):
    classifier = classifier_of(0)
    model = EndToEnd(classifier)
    normalisations = [
        layer
        for layer in backbone_of(classifier).layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    before = [layer.moving_mean.numpy() for layer in normalisations]
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    model.train_on_batch(images, np.array([0, 1, 0, 1]))
    for mean, layer in zip(before, normalisations, strict=True):
        np.testing.assert_array_equal(mean, layer.moving_mean.numpy())


def test_a_model_without_the_backbone_is_refused():
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="other")
    with pytest.raises(InputError, match="other has no backbone and classifier"):
        backbone_of(other)


@pytest.mark.slow
def test_end_to_end_drops_in_training_and_augments_nothing_in_validation(augmented, images):
    model = EndToEnd(augmented)
    model.compile(loss="sparse_categorical_crossentropy", run_eagerly=True)
    expected = -np.log(augmented(images, training=False)[:, 0]).mean()
    assert model.evaluate(images, np.zeros(4), verbose=0) == pytest.approx(expected, rel=1e-4)
    plain, trained = model(images, training=False), model(images, training=True)
    assert np.abs(plain - trained).max() > 1e-3
    still = build_classifier(
        backbone_of(augmented), frozen_layers=150, dropout=0.5, flip=None, rotation=0
    )
    dropped = EndToEnd(still)(images, training=True)
    assert np.abs(still(images, training=False) - dropped).max() > 1e-3
