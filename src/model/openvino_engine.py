"""Keras models in OpenVINO: converted, quantised, compiled, run."""

import logging
import os
from collections.abc import Callable

import keras
import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor


def fastest_precision() -> str:
    """bf16 where the processor computes in it, else f32."""
    capabilities = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in capabilities else "f32"


def convert(model: keras.Model, output: str, calibration: np.ndarray | None = None) -> ov.Model:
    """Convert a Keras model, and quantise it if there are images to take the ranges from.

    Args:
        model: images (n, size, size, 3) in [0, 255] to one output.
        output: float32 or float16, the dtype of the output.
        calibration: (n, size, size, 3) uint8, or None to leave weights and activations float.

    Returns:
        A model of uint8 images; n is free.
    """
    converted = ov.convert_model(model)
    if calibration is not None:
        converted = quantize(converted, calibration)
    processed = PrePostProcessor(converted)
    processed.input().tensor().set_element_type(ov.Type.u8)
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


def compile_run(
    model: ov.Model, precision: str, batch_size: int, threads: int | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Compile a model from `convert` for this processor.

    Args:
        model: of one output.
        precision: of what is float in the model: bf16, f16 or f32.
        batch_size: images in one request.
        threads: how many compute; None takes all cores.

    Returns:
        A function of images (n, height, width, 3) uint8, any n > 0, to the model's outputs.
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

    def keep(request: ov.InferRequest, place: tuple[list[np.ndarray], int]) -> None:
        results, batch = place
        results[batch] = request.get_output_tensor().data.copy()

    # One queue for all runs: taking it down while a callback ends can lock up.
    queue = ov.AsyncInferQueue(compiled)
    queue.set_callback(keep)

    def run(images: np.ndarray) -> np.ndarray:
        # Requests share the images: OpenVINO's own copy of a view that is not contiguous would be
        # gone before they are done.
        images = np.ascontiguousarray(images)
        starts = range(0, len(images), batch_size)
        # The model's own shape may be open, as that of one for images of any size.
        results = [np.empty(0)] * len(starts)
        for batch, start in enumerate(starts):
            taken = images[start : start + batch_size]
            queue.start_async(taken, (results, batch), share_inputs=True)
        queue.wait_all()
        return np.concatenate(results)

    return run


def available_cores() -> int:
    """How many of the processor's cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
