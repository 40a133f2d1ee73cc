"""Training the layers behind the cut, with every BatchNormalization folded into its neighbour.

In inference mode batch normalisation is affine: x * scale + shift. Folding it into the kernel of
the convolution before it (or, where the convolution is 1 x 1 and unpadded, behind it) is exact and
leaves one matrix product where there were a product and two passes over the activations. The fold
happens inside the graph, so gamma, beta and the kernel stay the variables that are trained, and
gradients reach them through it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

Tensor = Any


@dataclass
class Convolution:
    """A convolution not yet computed, whose kernel may still take in what follows."""

    layer: keras.layers.Layer
    inputs: Tensor
    kernel: Tensor
    bias: Tensor
    result: Tensor = None

    def value(self) -> Tensor:
        if self.result is None:
            kernel = ops.cast(self.kernel, self.inputs.dtype)
            bias = ops.cast(self.bias, self.inputs.dtype)
            self.result = _convolve(self.layer, self.inputs, kernel) + bias
        return self.result

    def scaled(self, scale: Tensor, shift: Tensor) -> "Convolution":
        if isinstance(self.layer, keras.layers.DepthwiseConv2D):
            kernel = self.kernel * scale[:, None]
        else:
            kernel = self.kernel * scale
        return Convolution(self.layer, self.inputs, kernel, self.bias * scale + shift)


@dataclass
class Scaled:
    """inputs * scale + shift, not yet computed."""

    inputs: Tensor
    scale: Tensor
    shift: Tensor

    def value(self) -> Tensor:
        dtype = self.inputs.dtype
        return self.inputs * ops.cast(self.scale, dtype) + ops.cast(self.shift, dtype)


class FoldedSuffix(keras.Model):
    """Features (n, h, w, c) float16 to probabilities (n, 2) float32.

    It owns no variables: they are those of the classifier's layers it was made of.
    """

    def __init__(
        self,
        tail: keras.Model | None,
        dropout: keras.layers.Layer,
        probabilities: keras.layers.Layer,
        precision: str,
    ) -> None:
        """
        Args:
            tail: the backbone's graph from the features to the pooled features; None if the
                features are already pooled.
            dropout: applied to the pooled features in training.
            probabilities: the final layer.
            precision: float32 or bfloat16, the dtype of the products and activations of the tail;
                variables, pooled features and the loss are float32.
        """
        super().__init__(name="suffix")
        self.tail = tail
        self.dropout = dropout
        self.probabilities = probabilities
        self.precision = precision

    def call(self, features: Tensor, training: bool = False) -> Tensor:
        x = ops.cast(features, self.precision)
        if self.tail is not None:
            x = _value(self.tail._run_through_graph(x, operation_fn=_folded))
        x = ops.cast(x, "float32")
        return self.probabilities(self.dropout(x, training=training))


def _folded(layer: keras.layers.Layer) -> Callable[..., Any]:
    if isinstance(layer, keras.layers.BatchNormalization):
        return lambda x, **_: _normalise(layer, x)
    if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
        return lambda x: _defer(layer, x)
    # Past `__call__`, which would cast to the layer's own float32.
    return lambda x, **_: layer.call(_value(x))


def _normalise(layer: keras.layers.BatchNormalization, x: Any) -> Convolution | Scaled:
    scale = layer.gamma * ops.rsqrt(layer.moving_variance + layer.epsilon)
    shift = layer.beta - layer.moving_mean * scale
    return x.scaled(scale, shift) if isinstance(x, Convolution) else Scaled(x, scale, shift)


def _defer(layer: keras.layers.Layer, x: Any) -> Convolution:
    kernel = layer.kernel
    if isinstance(x, Scaled) and kernel.shape[:2] == (1, 1):
        folded = kernel * x.scale[:, None]
        return Convolution(layer, x.inputs, folded, ops.matmul(x.shift, kernel[0, 0]))
    return Convolution(layer, _value(x), ops.convert_to_tensor(kernel), ops.zeros(()))


def _convolve(layer: keras.layers.Layer, inputs: Tensor, kernel: Tensor) -> Tensor:
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return ops.depthwise_conv(inputs, kernel, layer.strides, layer.padding)
    if kernel.shape[:2] == (1, 1):
        return ops.matmul(inputs, kernel[0, 0])
    return ops.conv(inputs, kernel, layer.strides, layer.padding)


def _value(x: Any) -> Tensor:
    if isinstance(x, list | tuple):
        return [_value(one) for one in x]
    return x.value() if isinstance(x, Convolution | Scaled) else x
