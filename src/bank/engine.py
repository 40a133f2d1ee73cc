"""Engines: a Keras model compiled for fast inference by OpenVINO or TensorFlow."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

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

# Error above which float16 does not hold features. That of their usual rounding is below 0.001.
WELL_ROUNDED = 0.01
Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Engine:
    """A compiled model.

    Attributes:
        name: the library that computes, openvino or tensorflow.
        precision: precision of the arithmetic: int8, bf16, f16 or f32.
        batch_size: number of images that `run` computes together. It only changes the speed.
        stream: function that maps batches to their outputs (n, ...) float32 or float16. A batch
            holds images (n, height, width, 3) uint8, or the features that the engine was built
            for. The next batch is taken while earlier ones are computed. Only one thread at a time
            may use the function.
    """

    name: str
    precision: str
    batch_size: int
    stream: Stream

    def run(self, images: np.ndarray) -> np.ndarray:
        """Compute the outputs (n, ...) of a single array of images, for any n > 0."""
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
        model: a model that maps images (n, height, width, 3) in [0, 255], or features, to one
            output. Height and width may be None.
        name: openvino, tensorflow or auto. auto means TensorFlow if it sees a GPU, else OpenVINO.
        precision: int8, bf16, f16, f32 or auto. auto means bf16 if the processor supports it, else
            f32. TensorFlow always computes in f32.
        output: dtype of the outputs, float32 or float16.
        batch_size: see `Engine`.
        inputs: dtype of the inputs, uint8, float16 or float32.
        calibration: images (n, size, size, 3) uint8 from which int8 takes its value ranges. A few
            hundred are enough. Other precisions do not use them.
        threads: number of OpenVINO's threads; None means all cores. TensorFlow has its own setting.
        one_shape: whether all batches have the same shape. OpenVINO then compiles for this shape
            from the first batch on. An image's result thus does not depend on other images.

    Raises:
        ValueError: the precision is int8, and there are no images to calibrate on.
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
    # The few operations that int8 leaves in floating point are as fast in float32.
    floats = "f32" if precision == "int8" else precision
    repeated = 1 if one_shape else REPEATED
    stream = compile_stream(converted, floats, threads, repeated=repeated)
    return Engine(name, precision, batch_size, stream)


def chosen_engine(name: str, precision: str) -> tuple[str, str]:
    """Return the engine's name and precision with auto replaced by what fits this machine.

    Args:
        name: see `build_engine`.
        precision: see `build_engine`.
    """
    if name == "auto":
        name = "tensorflow" if _has_gpu() else "openvino"
    if name == "tensorflow":
        return name, "f32"
    return name, fastest_precision() if precision == "auto" else precision


def engine_versions(name: str, precision: str) -> dict[str, str]:
    """Return the versions of the packages whose release can change an engine's outputs.

    Args:
        name: openvino or tensorflow.
        precision: precision of the arithmetic; see `build_engine`.
    """
    if name == "tensorflow":
        import tensorflow as tf

        return {"tensorflow": tf.__version__}
    packages = ["openvino", "nncf"] if precision == "int8" else ["openvino"]
    return {package: version(package) for package in packages}


def check_engine(engine: Engine, model: keras.Model, images: np.ndarray, bound: float) -> float:
    """Compare an engine's output with that of Keras in float32 on some real patches.

    Args:
        engine: an engine built from `model`.
        model: the reference.
        images: (n, size, size, 3) uint8.
        bound: the largest relative error that is accepted.

    Returns:
        The relative error: the mean absolute difference divided by the reference's standard
        deviation.

    Raises:
        InputError: the error is above the bound, or it is not a number.
    """
    # For so few images, `predict` would take most of its time to compile.
    parts = [images[at : at + 16].astype(np.float32) for at in range(0, len(images), 16)]
    reference = np.concatenate([np.asarray(model(part, training=False)) for part in parts])
    difference = np.abs(engine.run(images).astype(np.float32) - reference).mean()
    error = float(difference / reference.std())
    if error <= bound:
        return error
    rounded = reference.astype(np.float16).astype(np.float32)
    if not np.abs(rounded - reference).mean() / reference.std() <= WELL_ROUNDED:
        raise InputError(
            "the features are too small or too large to be stored in float16, as those of random "
            "weights can be; use train.path=end_to_end"
        )
    ways = {
        "features.precision=f32": engine.precision != "f32",
        "features.engine=tensorflow": engine.name != "tensorflow",
        "train.path=end_to_end": True,
    }
    raise InputError(
        f"the {engine.name} engine in {engine.precision} is off by {error:.3g} of the output's "
        f"standard deviation, above features.max_error={bound:g}; "
        f"use {' or '.join(way for way, helps in ways.items() if helps)}"
    )


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _tensorflow(model: keras.Model, output: str) -> Stream:
    def stream(batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for batch in batches:
            yield np.asarray(model.predict_on_batch(batch), dtype=output)

    return stream
