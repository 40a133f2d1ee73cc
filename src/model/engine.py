"""Running a Keras model forwards, as fast as the machine allows."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from src.errors import InputError

Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Engine:
    """A compiled model.

    Attributes:
        name: openvino or tensorflow.
        precision: of the arithmetic: bf16, f16 or f32.
        run: images (n, size, size, 3) uint8 to outputs (n, ...) float32 or float16, n of any size.
    """

    name: str
    precision: str
    run: Run


def build_engine(
    model: keras.Model,
    *,
    name: str,
    precision: str,
    batch_size: int,
    output: str,
    threads: int | None = None,
) -> Engine:
    """Compile `model` for inference.

    Args:
        model: images (n, size, size, 3) in [0, 255] to one output.
        name: openvino, tensorflow, or auto: TensorFlow where it sees a GPU, else OpenVINO.
        precision: bf16, f16, f32, or auto: bf16 where the processor has it, else f32. TensorFlow
            computes in f32 whatever is asked.
        batch_size: images in one request; it changes the speed only.
        output: float32 or float16, the dtype of what `run` returns.
        threads: of OpenVINO's; None takes all cores. TensorFlow has its own setting.
    """
    if name == "auto":
        name = "tensorflow" if _has_gpu() else "openvino"
    if name == "tensorflow":
        return Engine(name, "f32", _tensorflow(model, batch_size, output))
    if precision == "auto":
        precision = _fastest_precision()
    return Engine(name, precision, _openvino(model, precision, batch_size, output, threads))


def check_engine(engine: Engine, model: keras.Model, images: np.ndarray, bound: float) -> float:
    """Compare an engine's output with Keras in float32 on some real patches.

    Args:
        engine: built from `model`.
        model: the reference.
        images: (n, size, size, 3) uint8.
        bound: the largest relative error accepted.

    Returns:
        The relative error: the mean absolute difference over the reference's standard deviation.

    Raises:
        InputError: the error is above the bound.
    """
    reference = model.predict(images, batch_size=4, verbose=0)
    difference = np.abs(engine.run(images).astype(np.float32) - reference).mean()
    error = float(difference / reference.std())
    if not error <= bound:
        raise InputError(
            f"the {engine.name} engine in {engine.precision} is off by {error:.3g} of the output's "
            f"standard deviation, above features.max_error={bound:g}; "
            "use features.precision=f32, features.engine=tensorflow or train.path=end_to_end"
        )
    return error


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _fastest_precision() -> str:
    import openvino as ov

    capabilities = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in capabilities else "f32"


def _tensorflow(model: keras.Model, batch_size: int, output: str) -> Run:
    def run(images: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(images, batch_size=batch_size, verbose=0), dtype=output)

    return run


def _openvino(
    model: keras.Model, precision: str, batch_size: int, output: str, threads: int | None
) -> Run:
    import openvino as ov
    from openvino.preprocess import PrePostProcessor

    converted = PrePostProcessor(ov.convert_model(model))
    converted.input().tensor().set_element_type(ov.Type.u8)
    converted.output().tensor().set_element_type(ov.Type(np.dtype(output)))
    # One stream a core: two small requests side by side leave no core waiting at a layer's end.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    compiled = ov.Core().compile_model(
        converted.build(),
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": precision,
            "NUM_STREAMS": str(threads or cores),
            # 0 leaves it to OpenVINO.
            "INFERENCE_NUM_THREADS": str(threads or 0),
        },
    )
    shape = tuple(int(n) for n in model.output_shape[1:])

    def keep(request: ov.InferRequest, target: np.ndarray) -> None:
        target[:] = request.get_output_tensor().data

    # One queue for all runs: taking it down while a callback ends can lock up.
    queue = ov.AsyncInferQueue(compiled)
    queue.set_callback(keep)

    def run(images: np.ndarray) -> np.ndarray:
        results = np.empty((len(images), *shape), dtype=output)
        for start in range(0, len(images), batch_size):
            batch = slice(start, start + batch_size)
            queue.start_async(images[batch], results[batch])
        queue.wait_all()
        return results

    return run
