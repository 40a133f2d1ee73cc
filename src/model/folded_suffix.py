"""Training the layers after the cut, with every BatchNormalization folded into a convolution.

In inference mode batch normalisation is affine: x * scale + shift. It can be folded exactly into
the kernel of the convolution before it. If the convolution after it is unpadded, it can be folded
into that one. A matrix product and two passes over the activations become one product. Folding
happens inside the graph, so gamma, beta and the kernel are still the trained variables. A
normalisation between other layers is left as it is (`src.model.unfolded`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import keras
from keras import ops

from src.model.convolutions import (
    bias_of_shift,
    by_input,
    by_output,
    convolve,
    is_activated,
    is_convolution,
    is_depthwise,
    takes_shifts,
)

Tensor = Any


@dataclass
class Convolution:
    """A convolution that is not yet computed, so that a scale can still be folded into its kernel.

    Attributes:
        layer: the layer whose strides and padding apply.
        inputs: (n, h, w, channels).
        inputs_scale: factors (channels or filters of the kernel) that the kernel must still be
            multiplied by, because the inputs lack them, or None.
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
            kernel = self.kernel * self.inputs_scale
            return replace(self, inputs_scale=None, kernel=kernel).outputs()
        if self.result is None:
            # TensorFlow's gradients of a depthwise convolution take 3 times as long in bfloat16.
            precision = "float32" if is_depthwise(self.layer) else self.precision
            inputs = ops.cast(self.inputs, precision)
            kernel = ops.cast(self.kernel, precision)
            self.result = convolve(self.layer, inputs, kernel, self.bias)
        return self.result

    def value(self) -> Tensor:
        return ops.cast(self.outputs(), "float32")

    def scaled(self, scale: Tensor, shift: Tensor) -> "Convolution":
        factor = by_output(self.layer, scale)
        if self.inputs_scale is not None:
            # Both scales are applied at once, because each pass over the kernel costs time and its
            # gradient takes two more.
            factor = self.inputs_scale * factor
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

    def _folded(self, layer: Any) -> Callable[..., Any]:
        """Return what takes the place of a layer, or of an operation that is no layer."""
        if isinstance(layer, keras.layers.BatchNormalization):
            return lambda x, **_: _normalise(layer, x)
        if is_convolution(layer):
            return lambda x: _defer(layer, x, self.precision)
        if isinstance(layer, keras.layers.ReLU) and layer.max_value:
            return lambda x: Rectified(x, layer) if isinstance(x, Convolution) else layer(_value(x))
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):
            return partial(_average, keepdims=layer.keepdims)
        if getattr(layer, "_call_has_training_arg", False):
            # The backbone's own dropout is off, as its normalisations are in inference mode.
            return lambda x, **_: layer(_value(x), training=False)
        return lambda *inputs, **options: layer(*_value(inputs), **options)


def _normalise(layer: keras.layers.BatchNormalization, x: Any) -> Convolution | Scaled:
    scale, shift = affine(layer)
    return x.scaled(scale, shift) if isinstance(x, Convolution) else Scaled(x, scale, shift)


def affine(layer: keras.layers.BatchNormalization) -> tuple[Tensor, Tensor]:
    """Return the scale (channels,) and the shift (channels,) of a normalisation in inference."""
    scale = ops.rsqrt(layer.moving_variance + layer.epsilon)
    if layer.scale:
        scale = layer.gamma * scale
    shift = -layer.moving_mean * scale
    return scale, shift + layer.beta if layer.center else shift


def _defer(layer: keras.layers.Layer, x: Any, precision: str) -> Any:
    kernel = ops.convert_to_tensor(layer.kernel)
    scale, bias = None, ops.zeros(())
    if layer.use_bias:
        bias = ops.convert_to_tensor(layer.bias)
    if isinstance(x, Scaled) and takes_shifts(layer):
        bias = bias + bias_of_shift(layer, kernel, x.shift)
        scale, x = by_input(layer, x.scale), x.inputs
    convolution = Convolution(layer, _value(x), scale, kernel, bias, precision)
    return layer.activation(convolution.value()) if is_activated(layer) else convolution


def _average(x: Any, keepdims: bool) -> Tensor:
    if isinstance(x, Rectified) and not keepdims:
        return _average_of_clipped(x.convolution.outputs(), x.layer.max_value)
    return ops.mean(_value(x), (1, 2), keepdims)


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
