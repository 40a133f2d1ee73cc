"""Training the layers behind the cut, with every BatchNormalization folded into its neighbour.

In inference mode batch normalisation is affine: x * scale + shift. Folding it into the kernel of
the convolution before it (or, where the convolution is 1 x 1 and unpadded, behind it) is exact and
leaves one matrix product where there were a product and two passes over the activations. The fold
happens inside the graph, so gamma, beta and the kernel stay the variables that are trained, and
gradients reach them through it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
from keras import ops

Tensor = Any


@dataclass
class Convolution:
    """A convolution not yet computed, whose kernel may still take in what follows.

    Attributes:
        inputs_scale: what the channels of the inputs are yet to be multiplied by, or None.
    """

    layer: keras.layers.Layer
    inputs: Tensor
    inputs_scale: Tensor | None
    kernel: Tensor
    bias: Tensor
    precision: str
    result: Tensor = None

    def outputs(self) -> Tensor:
        """In the precision of the products, or float32."""
        if self.inputs_scale is not None:
            return self.scaled(ops.ones(self.kernel.shape[-1:]), 0.0).outputs()
        if self.result is None:
            # Gradients of a depthwise convolution take TensorFlow three times as long in bfloat16.
            depthwise = isinstance(self.layer, keras.layers.DepthwiseConv2D)
            precision = "float32" if depthwise else self.precision
            inputs = ops.cast(self.inputs, precision)
            kernel = ops.cast(self.kernel, precision)
            self.result = _convolve(self.layer, inputs, kernel, self.bias)
        return self.result

    def value(self) -> Tensor:
        return ops.cast(self.outputs(), "float32")

    def scaled(self, scale: Tensor, shift: Tensor) -> "Convolution":
        if isinstance(self.layer, keras.layers.DepthwiseConv2D):
            factor = scale[:, None]
        elif self.inputs_scale is None:
            factor = scale
        else:
            # Both scales at once: each pass over the kernel counts, and its gradient takes two.
            factor = ops.matmul(self.inputs_scale[:, None], scale[None])
        bias = self.bias * scale + shift
        return replace(self, inputs_scale=None, kernel=self.kernel * factor, bias=bias)


@dataclass
class Rectified:
    """A convolution and the ReLU behind it, which clips at 0 and a largest value."""

    convolution: Convolution
    layer: keras.layers.ReLU

    def value(self) -> Tensor:
        return self.layer(self.convolution.value())


@dataclass
class Scaled:
    """inputs * scale + shift, not yet computed."""

    inputs: Tensor
    scale: Tensor
    shift: Tensor

    def value(self) -> Tensor:
        return ops.cast(self.inputs, "float32") * self.scale + self.shift


class FoldedSuffix(keras.Model):
    """Features (n, h, w, c), float16 or float32, to probabilities (n, 2) float32.

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
            precision: float32 or bfloat16, the dtype of the factors of the tail's products but
                depthwise ones; those, variables, activations and the loss are float32.
        """
        # Keras would cast the features to float32 before they are cast to the products' precision.
        super().__init__(name="suffix", autocast=False)
        self.tail = tail
        self.dropout = dropout
        self.probabilities = probabilities
        self.precision = precision

    def call(self, features: Tensor, training: bool = False) -> Tensor:
        x = features
        if self.tail is not None:
            x = _value(self.tail._run_through_graph(x, operation_fn=self._folded))
        x = ops.cast(x, "float32")
        return self.probabilities(self.dropout(x, training=training))

    @cached_property
    def in_float32(self) -> "FoldedSuffix":
        """The same function of the same variables, with its products in float32."""
        return FoldedSuffix(self.tail, self.dropout, self.probabilities, "float32")

    def _folded(self, layer: keras.layers.Layer) -> Callable[..., Any]:
        if isinstance(layer, keras.layers.BatchNormalization):
            return lambda x, **_: _normalise(layer, x)
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            return lambda x: _defer(layer, x, self.precision)
        if isinstance(layer, keras.layers.ReLU) and layer.max_value:
            return lambda x: Rectified(x, layer) if isinstance(x, Convolution) else layer(_value(x))
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):
            return _average
        return lambda x, **_: layer(_value(x))


def _normalise(layer: keras.layers.BatchNormalization, x: Any) -> Convolution | Scaled:
    scale = layer.gamma * ops.rsqrt(layer.moving_variance + layer.epsilon)
    shift = layer.beta - layer.moving_mean * scale
    return x.scaled(scale, shift) if isinstance(x, Convolution) else Scaled(x, scale, shift)


def _defer(layer: keras.layers.Layer, x: Any, precision: str) -> Convolution:
    kernel = layer.kernel
    if isinstance(x, Scaled) and kernel.shape[:2] == (1, 1):
        bias = ops.matmul(x.shift, ops.reshape(kernel, kernel.shape[2:]))
        return Convolution(layer, x.inputs, x.scale, ops.convert_to_tensor(kernel), bias, precision)
    bias = ops.zeros(())
    return Convolution(layer, _value(x), None, ops.convert_to_tensor(kernel), bias, precision)


def _convolve(layer: keras.layers.Layer, inputs: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        outputs = ops.depthwise_conv(inputs, kernel, layer.strides, layer.padding)
        return ops.cast(outputs, "float32") + bias
    if kernel.shape[:2] != (1, 1):
        outputs = ops.conv(inputs, kernel, layer.strides, layer.padding)
        return ops.cast(outputs, "float32") + bias
    channels, filters = kernel.shape[2:]
    rows = ops.reshape(inputs, (-1, channels))
    kernel = ops.reshape(kernel, (channels, filters))
    shape = (-1, *inputs.shape[1:3], filters)
    if channels > filters:
        return ops.cast(ops.reshape(ops.matmul(rows, kernel), shape), "float32") + bias
    # Where the outputs are the larger tensor: the bias as rows of the kernel, met by ones among the
    # inputs. Neither it nor its gradient takes a pass over the outputs. Two rows, as bfloat16
    # alone would round it.
    bias = ops.broadcast_to(bias, (filters,))
    rounded = ops.cast(bias, kernel.dtype)
    rest = ops.cast(bias - ops.cast(rounded, "float32"), kernel.dtype)
    kernel = ops.concatenate([kernel, ops.stack([rounded, rest])])
    rows = ops.pad(rows, ((0, 0), (0, 2)), constant_values=1)
    return ops.reshape(ops.matmul(rows, kernel), shape)


def _average(x: Any) -> Tensor:
    if isinstance(x, Rectified):
        return _average_of_clipped(x.convolution.outputs(), x.layer.max_value)
    return ops.mean(_value(x), (1, 2))


def _average_of_clipped(x: Tensor, limit: float) -> Tensor:
    # As operations of their own, casting, clipping and averaging take three passes over the largest
    # tensor of a step forwards, and three backwards: a fifth of its time.
    def average(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        return _clip_and_average(x, limit), lambda upstream: _clipped_gradient(x, upstream, limit)

    return ops.custom_gradient(average)(x)


def _in_one_pass(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Compiled into one loop, as JAX does with all; under TensorFlow that would slow products."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    compiled: Callable[..., Tensor] = tf.function(function, jit_compile=True)
    return compiled


@_in_one_pass
def _clip_and_average(x: Tensor, limit: float) -> Tensor:
    return ops.mean(ops.clip(ops.cast(x, "float32"), 0.0, limit), (1, 2))


@_in_one_pass
def _clipped_gradient(x: Tensor, upstream: Tensor, limit: float) -> Tensor:
    share = ops.cast(upstream / (x.shape[1] * x.shape[2]), x.dtype)
    return ops.where((x > 0) & (x < limit), share[:, None, None], ops.zeros((), x.dtype))


def _value(x: Any) -> Tensor:
    if isinstance(x, list | tuple):
        return [_value(one) for one in x]
    return x.value() if isinstance(x, Convolution | Rectified | Scaled) else x
