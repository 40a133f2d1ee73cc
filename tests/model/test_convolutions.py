"""Grouped convolutions as layers that exporters know."""

import keras
import numpy as np

from src.model.convolutions import with_depthwise_layers


def test_depthwise_layers_take_the_place_of_grouped_ones(rng):
    image = keras.Input((6, 6, 4))
    x = keras.layers.Conv2D(4, 3, groups=4, activation="relu", padding="same", name="grouped")(
        image
    )
    x = keras.layers.Conv2D(8, 3, groups=2, name="in_pairs")(x + image)
    network = keras.Model(image, x)
    network.get_layer("grouped").bias.assign(rng.normal(size=4))
    replaced = with_depthwise_layers(network)
    assert isinstance(replaced.get_layer("grouped"), keras.layers.DepthwiseConv2D)
    assert replaced.get_layer("in_pairs") is network.get_layer("in_pairs")
    features = rng.normal(size=(2, 6, 6, 4)).astype(np.float32)
    np.testing.assert_allclose(replaced(features), network(features), atol=1e-5)


def test_a_network_without_them_stays_itself():
    image = keras.Input((6, 6, 4))
    network = keras.Model(image, keras.layers.Conv2D(4, 3)(image))
    assert with_depthwise_layers(network) is network
