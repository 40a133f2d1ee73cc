"""Every backbone: its settings, and that cut, folding, gradients and class maps are right on it."""

import importlib
from functools import cache
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.config.schema import Model
from src.errors import InputError
from src.model.backbones import BACKBONES, build_backbone, check_frozen_layers, preprocessing
from src.model.class_map import class_map_model, class_map_stages, class_maps, map_grid
from src.model.classifier import build_classifier
from src.model.cut import cut_classifier, whole_cuts
from src.model.end_to_end import EndToEnd
from tests.samples import drawn_patches, small_backbone

# The number of layers, with the input.
LAYERS = {
    "mobilenet_v2": 154,
    "mobilenet_v3_small": 156,
    "mobilenet_v3_large": 186,
    "efficientnet_v2_b0": 268,
    "resnet50_v2": 190,
    "densenet121": 427,
    "convnext_tiny": 132,
}
# One with squeeze and excitation, one with normalisations before its activations, and one with
# grouped convolutions, layers in sequence and sums that are no layers.
KINDS = ("mobilenet_v3_small", "resnet50_v2", "convnext_tiny")


@cache
def built_on(name: str) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_classifier(
        small_backbone(96, name), frozen_layers=0, dropout=0.0, flip=None, rotation=0.0
    )


def classifier_on(name: str, frozen_layers: int = 0) -> keras.Model:
    """A classifier that all tests share, with other layers frozen."""
    classifier = built_on(name)
    for index, layer in enumerate(classifier.get_layer(name).layers):
        layer.trainable = index >= frozen_layers
    return classifier


def test_the_schema_names_every_backbone():
    assert set(get_args(Model.model_fields["backbone"].annotation)) == set(BACKBONES) == set(LAYERS)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_settings_of_a_backbone(composed, name):
    model = composed(f"model={name}").model
    assert model.backbone == name
    assert 0 < model.frozen_layers < LAYERS[name]
    assert (model.dropout, model.weights) == (0.2, "imagenet")


@pytest.mark.parametrize(
    ("name", "module", "key"),
    [
        ("mobilenet_v3_small", "mobilenet_v3", "small_224_1.0_float"),
        ("mobilenet_v3_large", "mobilenet_v3", "large_224_1.0_float"),
        ("efficientnet_v2_b0", "efficientnet_v2", "b0"),
        ("resnet50_v2", "resnet", "resnet50v2"),
        ("convnext_tiny", "convnext", "convnext_tiny"),
    ],
)
def test_hashes_are_those_that_keras_publishes(composed, name, module, key):
    published = importlib.import_module(f"keras.src.applications.{module}").WEIGHTS_HASHES[key]
    assert composed(f"model={name}").model.imagenet.file_hash == published[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_layers_and_default_cut(composed, name):
    backbone = build_backbone(name, 64)
    frozen_layers = composed(f"model={name}").model.frozen_layers
    classifier = build_classifier(
        backbone, frozen_layers=frozen_layers, dropout=0.2, flip=None, rotation=0.0
    )
    assert len(backbone.layers) == LAYERS[name]
    assert frozen_layers in whole_cuts(classifier)
    with pytest.raises(InputError, match=f"{name} has {LAYERS[name]} layers: give a number from 0"):
        check_frozen_layers(backbone, LAYERS[name] + 1)


@pytest.mark.parametrize("name", ["resnet50_v2", "densenet121"])
def test_preprocessing_is_that_of_keras(name, rng):
    images = rng.integers(0, 256, (2, 8, 8, 3)).astype(np.float32)
    module = {"resnet50_v2": "resnet_v2", "densenet121": "densenet"}[name]
    expected = getattr(keras.applications, module).preprocess_input(images.copy())
    np.testing.assert_allclose(preprocessing(name)(images), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("mobilenet_v3_small", keras.layers.Rescaling),
        ("efficientnet_v2_b0", keras.layers.Normalization),
        ("convnext_tiny", keras.layers.Normalization),
    ],
)
def test_preprocessing_is_that_within_the_network(name, last, rng):
    network = BACKBONES[name].build(include_top=False, weights=None, input_shape=(32, 32, 3))
    inside = next(
        layer
        for layer in network.layers
        if isinstance(layer, last) or getattr(layer, "name", "").endswith("prestem")
    )
    images = rng.integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    expected = keras.Model(network.input, inside.output)(images)
    np.testing.assert_allclose(preprocessing(name)(images), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_prefix_and_suffix_are_the_whole(name, images):
    whole = classifier_on(name)(images, training=False)
    for frozen_layers in (LAYERS[name] // 4, 3 * LAYERS[name] // 4):
        cut = cut_classifier(classifier_on(name, frozen_layers), "float32")
        assert not cut.prefix.trainable_variables
        features = cut.prefix(images, training=False)
        np.testing.assert_allclose(cut.suffix(features), whole, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS[:2])
def test_gradients_are_those_of_the_layers(name, images):
    frozen_layers = {"mobilenet_v3_small": 124, "resnet50_v2": 154}[name]
    classifier = classifier_on(name, frozen_layers)
    labels = np.array([0, 1, 1, 0])
    weights = [weight.value for weight in classifier.trainable_weights]

    def gradients(model):
        with tf.GradientTape() as tape:
            loss = keras.losses.sparse_categorical_crossentropy(labels, model(images))
        return tape.gradient(loss, weights)

    folded = EndToEnd(classifier)
    found = gradients(lambda images: folded(images, training=True))
    expected = gradients(lambda images: classifier(images, training=False))
    for one, other in zip(found, expected, strict=True):
        assert np.linalg.norm(one - other) <= 1e-2 * np.linalg.norm(other) + 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_class_maps_of_a_patch_have_its_logit(name):
    classifier = classifier_on(name)
    patches = drawn_patches(2)
    grid, model = map_grid(classifier), class_map_model(classifier)
    maps = class_maps(model, patches)
    assert maps.shape[1:] == (grid.cells, grid.cells) == (3, 3)
    assert grid.bounded == (name != "mobilenet_v3_small")
    probabilities = np.asarray(classifier(patches, training=False))
    logits = np.log(probabilities[:, 1] / probabilities[:, 0])
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), logits, atol=1e-4)
    shallow, deep = class_map_stages(classifier)
    if shallow:
        in_stages = np.asarray(deep(shallow(patches)))[..., 0]
        np.testing.assert_allclose(in_stages, maps, atol=1e-4)
