"""Keras models in OpenVINO: converted, quantised, compiled, run."""

import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator

import keras
import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

Stream = Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]


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
        inputs: uint8 for images, float32 for features.

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


def compile_stream(model: ov.Model, precision: str, threads: int | None = None) -> Stream:
    """Compile a model from `convert` for this processor.

    Args:
        model: of one output.
        precision: of what is float in the model: bf16, f16 or f32.
        threads: how many compute; None takes all cores.

    Returns:
        A function of batches to the model's outputs in their order. It takes the next batch while
        the last ones are computed; one thread at a time may use it.
    """
    # One stream a core: two small requests side by side leave no core waiting at a layer's end.
    compiled = ov.Core().compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": precision,
            "NUM_STREAMS": str(threads or available_cores()),
            # 0 leaves it to OpenVINO.
            "INFERENCE_NUM_THREADS": str(threads or 0),
        },
    )

    def keep(request: ov.InferRequest, given: tuple[dict[int, np.ndarray], int, object]) -> None:
        done, number, _ = given
        done[number] = request.get_output_tensor().data.copy()

    # One queue for all calls: taking it down while a callback ends can lock up.
    queue = ov.AsyncInferQueue(compiled)
    queue.set_callback(keep)

    def stream(batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        done: dict[int, np.ndarray] = {}
        given = 0
        for number, batch in enumerate(batches):
            # Requests share the batch, which they keep alive: OpenVINO's own copy of a view that
            # is not contiguous would be gone before they are done.
            batch = np.ascontiguousarray(batch)
            queue.start_async(batch, (done, number, batch), share_inputs=True)
            while given in done:
                yield done.pop(given)
                given += 1
        queue.wait_all()
        for number in range(given, given + len(done)):
            yield done.pop(number)

    return stream


def run_in_batches(stream: Stream, images: np.ndarray, batch_size: int) -> np.ndarray:
    """The outputs of a single array of images, any n > 0, `batch_size` computed together."""
    starts = range(0, len(images), batch_size)
    return np.concatenate(list(stream(images[start : start + batch_size] for start in starts)))


def available_cores() -> int:
    """How many of the processor's cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
