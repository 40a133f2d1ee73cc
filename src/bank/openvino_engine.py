"""Converting, quantising, compiling and running Keras models with OpenVINO."""

import io
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING

import keras
import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

from src.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf

Stream = Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]

# For fewer batches than this, compiling a model for their shape takes longer than it saves.
REPEATED = 3
# Number of compiled shapes that are kept: a photo at three scales, single tiles, and any shape.
SHAPES = 5


def fastest_precision() -> str:
    """Return bf16 if the processor computes in it, else f32."""
    capabilities = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in capabilities else "f32"


def convert(
    model: keras.Model,
    output: str,
    calibration: np.ndarray | None = None,
    inputs: str = "uint8",
) -> ov.Model:
    """Convert a Keras model to OpenVINO, and quantise it if there are calibration images.

    Args:
        model: a model that maps images (n, size, size, 3) in [0, 255], or features, to one output.
        output: dtype of the output, float32 or float16.
        calibration: images (n, size, size, 3) uint8, or None to leave the model in floating point.
        inputs: dtype of the inputs: uint8 for images, float16 or float32 for features.

    Returns:
        An OpenVINO model for batches of any size n.
    """
    traced = _with_constant_weights(model)
    # Without its name, OpenVINO would make an output of each silu, which has its own gradient.
    converted = ov.convert_model(traced, output=[traced.outputs[0].name])
    if calibration is not None:
        converted = quantize(converted, calibration)
    processed = PrePostProcessor(converted)
    processed.input().tensor().set_element_type(ov.Type(np.dtype(inputs)))
    processed.output().tensor().set_element_type(ov.Type(np.dtype(output)))
    return processed.build()


def _with_constant_weights(model: keras.Model) -> "tf.types.experimental.ConcreteFunction":
    """Trace a model with one input, with its weights as constants.

    OpenVINO looks for each weight among all variables of a model, which takes twice as long as the
    rest of the conversion.
    """
    import tensorflow as tf

    weights = [(variable, variable.numpy()) for variable in model.variables]

    def call(inputs: tf.Tensor) -> tf.Tensor:
        constants = [(variable, tf.constant(value)) for variable, value in weights]
        with keras.StatelessScope(constants):
            return model(inputs, training=False)

    (inputs,) = model.inputs
    traced = tf.function(call, autograph=False)
    return traced.get_concrete_function(tf.TensorSpec(inputs.shape, inputs.dtype))


def quantize(model: ov.Model, images: np.ndarray) -> ov.Model:
    """Quantise weights and activations to 8 bits, with value ranges taken from real images.

    This is the method of Nagel et al. 2021, arXiv:2106.08295, as implemented by NNCF. Weights have
    one range for each channel and activations one for each tensor. Biases correct the mean error
    that remains. The same model and images give the same result, except for the rounding that
    depends on the order of sums in threads.

    Args:
        model: a model with one input (n, size, size, 3) float32.
        images: (n, size, size, 3) uint8, a few hundred images like those that will be predicted.
    """
    # The import takes seconds, and only int8 needs it.
    import nncf

    nncf.set_log_level(logging.ERROR)
    calibration = nncf.Dataset(images, lambda image: image[np.newaxis].astype(np.float32))
    # NNCF draws bars, which are of no use in a file.
    shown: AbstractContextManager[object]
    shown = nullcontext() if sys.stdout.isatty() else redirect_stdout(io.StringIO())
    with shown:
        return nncf.quantize(model, calibration, subset_size=len(images))


def compile_stream(
    model: ov.Model, precision: str, threads: int | None = None, *, repeated: int = REPEATED
) -> Stream:
    """Compile a model from `convert` for this processor.

    OpenVINO computes models of unspecified shape up to a sixth more slowly. The model is therefore
    compiled for each shape that occurs repeatedly, and the last few compiled models are kept.

    Args:
        model: a model with one output.
        precision: precision of the model's floating-point operations: bf16, f16 or f32.
        threads: number of threads; None means all cores.
        repeated: least number of batches in a stream for which the model is compiled for their
            shape. With 1 an input's result does not depend on the number of batches.

    Returns:
        A function that maps batches to the model's outputs in the same order. It takes the next
        batch while earlier ones are computed. Only one thread at a time may use it.
    """

    @lru_cache(maxsize=SHAPES)
    def requests(shape: tuple[int, ...] | None) -> list[ov.InferRequest]:
        return _requests(model, shape, precision, threads)

    def stream(batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        running: deque[ov.InferRequest] = deque()
        batches = iter(batches)
        first = list(islice(batches, repeated))
        try:
            for number, batch in enumerate(chain(first, batches)):
                pool = requests(batch.shape if len(first) == repeated else None)
                if len(running) == len(pool):
                    yield finished(running.popleft())
                request = pool[number % len(pool)]
                # The request shares the batch's memory and keeps the batch alive. The batch must be
                # contiguous, or OpenVINO would make a copy that is freed before the request ends.
                request.start_async(np.ascontiguousarray(batch), share_inputs=True)
                running.append(request)
            while running:
                yield finished(running.popleft())
        finally:
            for request in running:
                request.wait()

    return stream


def _requests(
    model: ov.Model, shape: tuple[int, ...] | None, precision: str, threads: int | None
) -> list[ov.InferRequest]:
    """Compile for inputs of the given shape, or of any shape, with two requests for each stream.

    One request can compute while the outputs of the other are read.

    Raises:
        InputError: the processor would compute less precisely than asked for.
    """
    fixed = model.clone()
    if shape:
        fixed.reshape(shape)
    # With one stream for each core, no core waits for the others at the end of a layer.
    streams = threads or available_cores()
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "NUM_STREAMS": str(streams),
        # With 0 OpenVINO chooses the number.
        "INFERENCE_NUM_THREADS": str(threads or 0),
    }
    compiled = ov.Core().compile_model(fixed, "CPU", settings)
    # OpenVINO takes bf16, which is coarser, where the processor has no f16.
    if precision == "f16" and compiled.get_property("INFERENCE_PRECISION_HINT") == ov.Type.bf16:
        raise InputError("this processor computes f16 as bf16: set the precision to bf16 or f32")
    return [compiled.create_infer_request() for _ in range(2 * streams)]


def finished(request: ov.InferRequest) -> np.ndarray:
    """Wait until the request has finished, and return a copy of its output."""
    request.wait()
    output: np.ndarray = request.get_output_tensor().data
    return output.copy()


def run_in_batches(stream: Stream, images: np.ndarray, batch_size: int) -> np.ndarray:
    """Compute the outputs (n, ...) of an array of images, for any n > 0, in batches.

    Args:
        stream: see `compile_stream`.
        images: (n, size, size, 3).
        batch_size: number of images that are computed together.
    """
    starts = range(0, len(images), batch_size)
    batches = (filled(images[start : start + batch_size], batch_size) for start in starts)
    return np.concatenate(list(stream(batches)))[: len(images)]


def filled(images: np.ndarray, batch_size: int) -> np.ndarray:
    """Repeat images until there are `batch_size`, so that all batches have the same shape."""
    return np.resize(images, (batch_size, *images.shape[1:]))


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
