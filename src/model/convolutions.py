"""Convolutions of Keras in any form, computed with a kernel other than the layer's own.

A kernel is (height, width, channels of a group, filters), or (height, width, channels, multiplier)
for a depthwise convolution.
"""

from typing import Any

import keras
from keras import ops

Tensor = Any


def is_convolution(layer: Any) -> bool:
    """Return whether the layer is a convolution that the functions of this module compute."""
    plain = isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    return plain and not isinstance(layer, keras.layers.Conv2DTranspose)


def is_depthwise(layer: keras.layers.Layer) -> bool:
    """Return whether each filter reads a single channel."""
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return True
    return bool(layer.groups == layer.filters == layer.kernel.shape[2] * layer.groups)


def is_activated(layer: keras.layers.Layer) -> bool:
    """Return whether the layer applies an activation that is not linear."""
    return layer.activation is not None and layer.activation is not keras.activations.linear


def takes_shifts(layer: keras.layers.Layer) -> bool:
    """Return whether a shift of the layer's inputs only shifts its outputs.

    A padding with zeros would not be shifted, so outputs at the border would differ.
    """
    return bool(layer.padding == "valid" or layer.kernel.shape[:2] == (1, 1))


def by_input(layer: keras.layers.Layer, values: Tensor) -> Tensor:
    """Shape one value per input channel (channels,) so that it multiplies the kernel."""
    if isinstance(layer, keras.layers.DepthwiseConv2D) or layer.groups == 1:
        return values[:, None]
    grouped = ops.reshape(values, (layer.groups, -1))
    return ops.transpose(ops.repeat(grouped, layer.filters // layer.groups, axis=0))


def by_output(layer: keras.layers.Layer, values: Tensor) -> Tensor:
    """Shape one value per output channel (filters,) so that it multiplies the kernel."""
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return ops.reshape(values, layer.kernel.shape[2:])
    return values


def bias_of_shift(layer: keras.layers.Layer, kernel: Tensor, shift: Tensor) -> Tensor:
    """Return by how much (filters,) the outputs change if the inputs change by `shift` (channels,).

    This holds for layers that `takes_shifts`.
    """
    unit = kernel.shape[:2] == (1, 1)
    summed = ops.reshape(kernel, kernel.shape[2:]) if unit else ops.sum(kernel, (0, 1))
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return ops.reshape(summed * shift[:, None], (-1,))
    if layer.groups == 1:
        return ops.matmul(shift, summed)
    return ops.sum(summed * by_input(layer, shift), 0)


def convolve(layer: keras.layers.Layer, inputs: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Compute a layer's convolution with another kernel and bias.

    Args:
        layer: the layer whose strides, padding, dilation and groups apply.
        inputs: (n, h, w, channels).
        kernel: a kernel of the layer's shape and of the inputs' dtype.
        bias: (filters,) or a scalar, float32.

    Returns:
        The outputs (n, h, w, filters), float32 or the inputs' dtype.
    """
    if is_depthwise(layer):
        if not isinstance(layer, keras.layers.DepthwiseConv2D):
            kernel = ops.swapaxes(kernel, 2, 3)
        convolution = ops.depthwise_conv
    elif kernel.shape[:2] != (1, 1) or layer.groups > 1 or set(layer.strides) != {1}:
        convolution = ops.conv
    else:
        return _product(inputs, kernel, bias)
    outputs = convolution(
        inputs,
        kernel,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
    )
    return ops.cast(outputs, "float32") + bias


def with_depthwise_layers(network: keras.Model) -> keras.Model:
    """Replace each grouped convolution that is depthwise by a layer of that kind.

    TensorFlow computes grouped convolutions through XLA, which exporters cannot convert.

    Args:
        network: a functional model.

    Returns:
        The network itself, if it has none. Otherwise a network with the same values that shares the
        other layers and has its own copies of these kernels.
    """
    grouped = [
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.groups > 1 and is_depthwise(layer)
    ]
    if not grouped:
        return network
    copied = {layer.name: _as_depthwise(layer) for layer in grouped}
    replaced = keras.models.clone_model(
        network, clone_function=lambda layer: copied.get(layer.name, layer)
    )
    for layer in grouped:
        kernel, *bias = layer.get_weights()
        copied[layer.name].set_weights([kernel.swapaxes(2, 3), *bias])
    return replaced


def _as_depthwise(layer: keras.layers.Layer) -> keras.layers.Layer:
    return keras.layers.DepthwiseConv2D(
        layer.kernel_size,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        activation=layer.activation,
        use_bias=layer.use_bias,
        name=layer.name,
    )


def _product(inputs: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    channels, filters = kernel.shape[2:]
    rows = ops.reshape(inputs, (-1, channels))
    kernel = ops.reshape(kernel, (channels, filters))
    shape = (-1, *inputs.shape[1:3], filters)
    if channels > filters:
        return ops.cast(ops.reshape(ops.matmul(rows, kernel), shape), "float32") + bias
    # Here the outputs are larger than the inputs. The bias becomes rows of the kernel and the
    # inputs get columns of ones. Neither the bias nor its gradient then takes a pass over the
    # outputs. The second row holds what bfloat16 rounds off in the first.
    bias = ops.broadcast_to(bias, (filters,))
    rounded = ops.cast(bias, kernel.dtype)
    rest = ops.cast(bias - ops.cast(rounded, "float32"), kernel.dtype)
    kernel = ops.concatenate([kernel, ops.stack([rounded, rest])])
    rows = ops.pad(rows, ((0, 0), (0, 2)), constant_values=1)
    return ops.reshape(ops.matmul(rows, kernel), shape)
