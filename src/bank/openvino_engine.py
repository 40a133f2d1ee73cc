"""Keras models in OpenVINO: converted, quantised, compiled, run."""

import logging
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice

import keras
import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

Stream = Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]

# A stream of fewer batches is over before a model would be compiled for their shape.
REPEATED = 3
# A photo at three scales, tiles alone, and the open one.
SHAPES = 5


def fastest_precision() -> str:
    """bf16 where the processor computes in it, else f32."""
    capabilities = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in capabilities else "f32"


def convert(
    model: keras.Model,
    output: str,
    calibration: np.ndarray | None = None,
    inputs: str = "uint8",
) -> ov.Model:
    """Convert a Keras model, and quantise it if there are images to take the ranges from.

    Args:
        model: images (n, size, size, 3) in [0, 255], or features, to one output.
        output: float32 or float16, the dtype of the output.
        calibration: (n, size, size, 3) uint8, or None to leave weights and activations float.
        inputs: uint8 for images, float16 or float32 for features.

    Returns:
        A model of inputs of that dtype; n is free.
    """
    with warnings.catch_warnings():
        # OpenVINO calls the model with its input in a tuple, of which Keras warns.
        warnings.filterwarnings("ignore", "The structure of `inputs` doesn't match", UserWarning)
        converted = ov.convert_model(model)
    if calibration is not None:
        converted = quantize(converted, calibration)
    processed = PrePostProcessor(converted)
    processed.input().tensor().set_element_type(ov.Type(np.dtype(inputs)))
    processed.output().tensor().set_element_type(ov.Type(np.dtype(output)))
    return processed.build()


def quantize(model: ov.Model, images: np.ndarray) -> ov.Model:
    """Give weights and activations 8 bits, in the ranges that real images take.

    Weights have one range a channel and activations one a tensor, and biases take up the mean
    error that is left: the method of Nagel et al. 2021, arXiv:2106.08295, as NNCF has it. The
    same model and images give the same result, but for the order in which threads sum.

    Args:
        model: with one input (n, size, size, 3) float32.
        images: (n, size, size, 3) uint8, some hundreds of what the model will see.
    """
    # Seconds to import, and needed for int8 alone.
    import nncf

    nncf.set_log_level(logging.ERROR)
    calibration = nncf.Dataset(images, lambda image: image[np.newaxis].astype(np.float32))
    return nncf.quantize(model, calibration, subset_size=len(images))


def compile_stream(
    model: ov.Model, precision: str, threads: int | None = None, *, repeated: int = REPEATED
) -> Stream:
    """Prepare a model from `convert` for this processor.

    OpenVINO computes open shapes up to a sixth more slowly, so for every shape that comes
    repeatedly the model is compiled anew; the last few are kept.

    Args:
        model: of one output.
        precision: of what is float in the model: bf16, f16 or f32.
        threads: how many compute; None takes all cores.
        repeated: batches from which on a stream is worth compiling for their shape. With 1 an input
            gives the same bytes however few come with it.

    Returns:
        A function of batches to the model's outputs in their order. It takes the next batch while
        the last ones are computed; one thread at a time may use it.
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
                # A request shares the batch and keeps it alive: OpenVINO's own copy of a view that
                # is not contiguous would be gone before they are done.
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
    """Compile for inputs of this shape, or of any; two requests for each stream.

    One waits while the last outputs of the other are taken.
    """
    fixed = model.clone()
    if shape:
        fixed.reshape(shape)
    # One stream a core: two small requests side by side leave no core waiting at a layer's end.
    streams = threads or available_cores()
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "NUM_STREAMS": str(streams),
        # 0 leaves it to OpenVINO.
        "INFERENCE_NUM_THREADS": str(threads or 0),
    }
    compiled = ov.Core().compile_model(fixed, "CPU", settings)
    return [compiled.create_infer_request() for _ in range(2 * streams)]


def finished(request: ov.InferRequest) -> np.ndarray:
    """A copy of what the request, which may still be running, computes."""
    request.wait()
    output: np.ndarray = request.get_output_tensor().data
    return output.copy()


def run_in_batches(stream: Stream, images: np.ndarray, batch_size: int) -> np.ndarray:
    """The outputs of a single array of images, any n > 0, `batch_size` computed together."""
    starts = range(0, len(images), batch_size)
    batches = (filled(images[start : start + batch_size], batch_size) for start in starts)
    return np.concatenate(list(stream(batches)))[: len(images)]


def filled(images: np.ndarray, batch_size: int) -> np.ndarray:
    """The images, and so many of them again that there are `batch_size`: one shape for `stream`."""
    return np.resize(images, (batch_size, *images.shape[1:]))


def available_cores() -> int:
    """How many of the processor's cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
