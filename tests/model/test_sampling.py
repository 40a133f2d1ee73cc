"""What the arithmetic says of a network's features, against what the network itself does."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.model.graph import crossings
from src.model.sampling import Sampling, narrowest, samplings

# Kernel, stride, dilation, padding and rows of zeros above and below.
LAYER = st.tuples(
    st.integers(1, 5), st.integers(1, 2), st.integers(1, 2), st.sampled_from(["same", "valid"]),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
)  # fmt: skip


def stacked(layers, size: int) -> keras.Model:
    """A network of convolutions with kernels of ones."""
    x = image = keras.Input((size, size, 1))
    for kernel, stride, dilation, padding, zeros in layers:
        x = keras.layers.ZeroPadding2D((zeros, zeros))(x)
        x = keras.layers.Conv2D(
            1,
            kernel,
            strides=stride,
            dilation_rate=dilation if stride == 1 else 1,
            padding=padding,
            use_bias=False,
            kernel_initializer="ones",
        )(x)
    return keras.Model(image, x)


@settings(max_examples=10)
@given(st.lists(LAYER, min_size=1, max_size=3), st.integers(40, 47))
def test_centres_and_borders_are_those_of_the_network(layers, size):
    network = stacked(layers, size)
    found = samplings(network)[network.operations[-1].name]
    # Each image has one bright row, so the responses show which rows a feature sees.
    rows = np.broadcast_to(np.eye(size, dtype=np.float32)[:, :, None, None], (size, size, size, 1))
    seen = np.asarray(network(rows))
    column = seen[:, :, seen.shape[2] // 2, 0]
    inside = np.flatnonzero(column.sum(axis=0) == column.sum(axis=0).max())
    centres = (np.arange(size) @ column[:, inside]) / column[:, inside].sum(axis=0)
    np.testing.assert_allclose(centres, found.first + found.stride * inside, atol=1e-3)
    # It is the larger of both borders, layer by layer.
    assert max(inside[0], len(column[0]) - 1 - inside[-1]) <= found.reach


def test_reach_of_layers_that_pad_alike():
    network = stacked([(3, 2, 1, "same", (0, 0)), (3, 1, 1, "same", (0, 0))], 33)
    found = samplings(network)[network.operations[-1].name]
    assert found == Sampling(stride=2, first=0.0, reach=2)


def test_poolings_and_branches():
    image = keras.Input((16, 16, 2))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(image)
    y = keras.layers.Conv2D(4, 3, padding="same")(x)
    x = keras.layers.AveragePooling2D(2)(x + y)
    found = samplings(keras.Model(image, x))[x._keras_history.operation.name]
    # The first feature is the mean of two that are centred on the pixels 1 and 3.
    assert found == Sampling(stride=4, first=2.0, reach=1)


def test_a_global_average_sees_the_whole_image():
    image = keras.Input((16, 16, 4))
    x = keras.layers.Conv2D(4, 2, strides=2)(image)
    weights = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    weights = keras.layers.Conv2D(4, 1, activation="sigmoid")(weights)
    x = keras.layers.Multiply()([x, weights])
    graph = keras.Model(image, x)
    assert samplings(graph)[graph.operations[-1].name] == Sampling(2, 0.5, 0, True)


def test_the_narrowest_place_is_behind_its_normalisation():
    x = image = keras.Input((16, 16, 3))
    for number, channels in enumerate((8, 4, 4)):
        x = keras.layers.Conv2D(channels, 2, strides=1 if number else 2, padding="same")(x)
        x = keras.layers.BatchNormalization(name=f"normalised_{number}")(x)
    graph = keras.Model(image, keras.layers.ReLU()(x))
    place = narrowest(graph, crossings(graph), 2)
    assert graph.operations[place].name == "normalised_1"
    assert narrowest(graph, crossings(graph), 8) is None


def test_a_branch_is_crossed_by_two_tensors():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 1, name="before")(image)
    y = keras.layers.Conv2D(4, 1, name="branch")(x)
    z = keras.layers.ReLU(name="behind")(x + y)
    graph = keras.Model(image, z)
    names = [graph.operations[place].name for place in crossings(graph)]
    assert names[0] == "before"
    assert "branch" not in names
    assert names[-1] == "behind"
    assert len(names) == 3


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_layers_in_sequence_count_as_one(padding):
    image = keras.Input((16, 16, 3))
    inner = [
        keras.layers.LayerNormalization(),
        keras.layers.Conv2D(4, 4, strides=4, padding=padding),
    ]
    graph = keras.Model(image, keras.Sequential(inner)(image))
    assert samplings(graph)[graph.operations[-1].name] == Sampling(4, 1.5, 0)
