"""Which normalisations are folded, and what a run says of the others."""

import keras
import numpy as np
import pytest

from src.model import folded_suffix
from src.model.folded_suffix import FoldedSuffix
from src.model.unfolded import told_unfolded, unfolded_normalisations


def graph_of(*layers: keras.layers.Layer) -> keras.Model:
    x = features = keras.Input((6, 6, 4))
    for layer in layers:
        x = layer(x)
    return keras.Model(features, keras.layers.GlobalAveragePooling2D()(x))


def normalisation() -> keras.layers.Layer:
    return keras.layers.BatchNormalization(
        name="normalised",
        gamma_initializer=keras.initializers.RandomUniform(0.5, 1.5, seed=1),
        beta_initializer=keras.initializers.RandomNormal(seed=2),
    )


CONVOLUTIONS = {
    "dense": lambda **options: keras.layers.Conv2D(8, **options),
    "depthwise": lambda **options: keras.layers.DepthwiseConv2D(depth_multiplier=2, **options),
    "grouped": lambda **options: keras.layers.Conv2D(8, groups=2, **options),
    "as many groups as channels": lambda **options: keras.layers.Conv2D(4, groups=4, **options),
}
FORMS = [
    {"kernel_size": 1},
    {"kernel_size": 1, "strides": 2, "padding": "same"},
    {"kernel_size": 3, "padding": "valid", "dilation_rate": 2, "use_bias": False},
    {"kernel_size": 3, "padding": "same"},
    {"kernel_size": 3, "padding": "valid", "activation": "relu"},
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
def test_what_is_said_to_be_folded_is_folded_and_right(kind, form, before, rng, monkeypatch):
    convolution = CONVOLUTIONS[kind](**form, name="convolution")
    layers = [normalisation(), convolution] if before else [convolution, normalisation()]
    graph = graph_of(*layers)
    if convolution.use_bias:
        convolution.bias.assign(rng.normal(size=convolution.bias.shape))
    normalised = graph.get_layer("normalised")
    normalised.moving_mean.assign(rng.normal(size=normalised.moving_mean.shape))
    normalised.moving_variance.assign(rng.uniform(0.5, 2, normalised.moving_variance.shape))
    computed = []
    value = folded_suffix.Scaled.value
    monkeypatch.setattr(
        folded_suffix.Scaled, "value", lambda scaled: computed.append(scaled) or value(scaled)
    )
    softmax = keras.layers.Softmax()
    features = rng.normal(size=(3, 6, 6, 4)).astype(np.float32)
    suffix = FoldedSuffix(graph, keras.layers.Dropout(0.0), softmax, "float32")
    expected = softmax(graph(features, training=False))
    np.testing.assert_allclose(suffix(features, training=True), expected, atol=1e-5)
    assert bool(computed) == bool(unfolded_normalisations(graph))


def test_what_stands_between_other_layers_is_told():
    activation = keras.layers.ReLU()
    layers = [
        keras.layers.MaxPooling2D(),
        normalisation(),
        activation,
        keras.layers.LayerNormalization(name="by_layer"),
    ]
    told = told_unfolded(graph_of(*layers))
    assert "normalised (behind MaxPooling2D and before ReLU)" in told
    assert "by_layer (its scale depends on the image)" in told
    assert told_unfolded(graph_of(keras.layers.Conv2D(3, 1), normalisation())) == ""


def test_dropout_of_the_backbone_is_off_in_training(rng):
    graph = graph_of(keras.layers.Dropout(0.5), keras.layers.Conv2D(3, 1))
    softmax = keras.layers.Softmax()
    suffix = FoldedSuffix(graph, keras.layers.Dropout(0.0), softmax, "float32")
    features = rng.normal(size=(3, 6, 6, 4)).astype(np.float32)
    still = suffix(features, training=False)
    np.testing.assert_array_equal(suffix(features, training=True), still)
