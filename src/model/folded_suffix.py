"""Training the layers after the cut, with every BatchNormalization folded into a convolution.

In inference mode batch normalisation is affine: x * scale + shift. It can be folded exactly into
the kernel of the convolution before it. If the convolution after it is 1 x 1 and unpadded, it can
be folded into that one. A matrix product and two passes over the activations become one product.
Folding happens inside the graph, so gamma, beta and the kernel are still the trained variables.
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
    """A convolution that is not yet computed, so that a scale can still be folded into its kernel.

    Attributes:
        layer: the layer whose strides and padding apply.
        inputs: (n, h, w, channels).
        inputs_scale: (channels,) factors that the inputs must still be multiplied by, or None.
        kernel: the kernel with the scales that are folded in so far.
        bias: (filters,) or a scalar.
        precision: precision of the product, float32 or bfloat16.
        result: the outputs once they are computed.
    """

    layer: keras.layers.Layer
    inputs: Tensor
    inputs_scale: Tensor | None
    kernel: Tensor
    bias: Tensor
    precision: str
    result: Tensor = None

    def outputs(self) -> Tensor:
        """Compute the convolution, once, in the precision of the products or in float32."""
        if self.inputs_scale is not None:
            return self.scaled(ops.ones(self.kernel.shape[-1:]), 0.0).outputs()
        if self.result is None:
            # TensorFlow's gradients of a depthwise convolution take 3 times as long in bfloat16.
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
            # Both scales are applied at once, because each pass over the kernel costs time and its
            # gradient takes two more.
            factor = ops.matmul(self.inputs_scale[:, None], scale[None])
        bias = self.bias * scale + shift
        return replace(self, inputs_scale=None, kernel=self.kernel * factor, bias=bias)


@dataclass
class Rectified:
    """A convolution and the ReLU after it, which clips at 0 and at a maximum."""

    convolution: Convolution
    layer: keras.layers.ReLU

    def value(self) -> Tensor:
        return self.layer(self.convolution.value())


@dataclass
class Scaled:
    """The value inputs * scale + shift, not yet computed."""

    inputs: Tensor
    scale: Tensor
    shift: Tensor

    def value(self) -> Tensor:
        return ops.cast(self.inputs, "float32") * self.scale + self.shift


class FoldedSuffix(keras.Model):
    """Model that maps features (n, h, w, c) float16 or float32 to probabilities (n, 2) float32.

    The model shares the variables of the classifier's layers and has none of its own.
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
            dropout: the dropout layer, applied to the pooled features in training.
            probabilities: the final layer.
            precision: dtype of the factors in the tail's products, float32 or bfloat16. Depthwise
                products, variables, activations and the loss are always float32.
        """
        # With autocast Keras would first cast the features to float32, a costly extra pass.
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
        """The same model with the same variables, with its products in float32."""
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
    # Here the outputs are larger than the inputs. The bias becomes rows of the kernel and the
    # inputs get columns of ones. Neither the bias nor its gradient then takes a pass over the
    # outputs. The second row holds what bfloat16 rounds off in the first.
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
    # As separate operations, casting, clipping and averaging pass three times over the largest
    # tensor of a step. So do their gradients, and together that was a fifth of the step's time.
    def average(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        return _clip_and_average(x, limit), lambda upstream: _clipped_gradient(x, upstream, limit)

    return ops.custom_gradient(average)(x)


def _in_one_pass(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Compile the function into one loop with XLA.

    JAX does this by itself. Under TensorFlow only some functions are compiled, because XLA would
    slow the matrix products down.
    """
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
