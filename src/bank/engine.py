"""Running a Keras model forwards, as fast as the machine allows."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import keras
import numpy as np

from src.bank.openvino_engine import (
    REPEATED,
    Stream,
    compile_stream,
    convert,
    fastest_precision,
    run_in_batches,
)
from src.errors import InputError

Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Engine:
    """A compiled model.

    Attributes:
        name: openvino or tensorflow.
        precision: of the arithmetic: int8, bf16, f16 or f32.
        batch_size: images that `run` computes together; it changes the speed only.
        stream: batches of images (n, height, width, 3) uint8, or what else it was built for, to
            their outputs (n, ...) float32 or float16. The next batch is taken while the last ones
            are computed. One thread at a time may use it.
    """

    name: str
    precision: str
    batch_size: int
    stream: Stream

    def run(self, images: np.ndarray) -> np.ndarray:
        """The outputs of a single array of images, any n > 0."""
        return run_in_batches(self.stream, images, self.batch_size)


def build_engine(
    model: keras.Model,
    *,
    name: str,
    precision: str,
    output: str,
    batch_size: int = 1,
    inputs: str = "uint8",
    calibration: np.ndarray | None = None,
    threads: int | None = None,
    one_shape: bool = False,
) -> Engine:
    """Compile `model` for inference.

    Args:
        model: images (n, height, width, 3) in [0, 255], or features, to one output; sides may be
            open.
        name: openvino, tensorflow, or auto: TensorFlow where it sees a GPU, else OpenVINO.
        precision: int8, bf16, f16, f32, or auto: bf16 where the processor has it, else f32.
            TensorFlow computes in f32 whatever is asked.
        output: float32 or float16, the dtype of what it returns.
        batch_size: see `Engine`.
        inputs: uint8, float16 or float32, the dtype of what it is given.
        calibration: (n, size, size, 3) uint8, which int8 takes its ranges from, and nothing else
            looks at; some hundreds are enough.
        threads: of OpenVINO's; None takes all cores. TensorFlow has its own setting.
        one_shape: all batches have one shape. OpenVINO then compiles for it from the first one on,
            so that an image gives the same bytes however few come with it.

    Raises:
        ValueError: int8 without images to calibrate on.
    """
    name, precision = chosen_engine(name, precision)
    if name == "tensorflow":
        return Engine(name, precision, batch_size, _tensorflow(model, output))
    if precision != "int8":
        converted = convert(model, output, inputs=inputs)
    elif calibration is not None:
        converted = convert(model, output, calibration, inputs)
    else:
        raise ValueError("int8 needs images to calibrate on")
    # In int8 the little that stays float costs nothing in float32.
    floats = "f32" if precision == "int8" else precision
    repeated = 1 if one_shape else REPEATED
    stream = compile_stream(converted, floats, threads, repeated=repeated)
    return Engine(name, precision, batch_size, stream)


def chosen_engine(name: str, precision: str) -> tuple[str, str]:
    """The engine and the precision that `build_engine` takes for these on this machine."""
    if name == "auto":
        name = "tensorflow" if _has_gpu() else "openvino"
    if name == "tensorflow":
        return name, "f32"
    return name, fastest_precision() if precision == "auto" else precision


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


def _tensorflow(model: keras.Model, output: str) -> Stream:
    def stream(batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for batch in batches:
            yield np.asarray(model.predict_on_batch(batch), dtype=output)

    return stream
