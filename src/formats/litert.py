"""Export to LiteRT, formerly TensorFlow Lite, as one .tflite file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from src.bank.openvino_engine import available_cores
from src.formats.export_format import Format, Run, uint8_images


def write_litert(
    classifier: keras.Model, precision: str, calibration: np.ndarray, target: Path
) -> None:
    """Convert a classifier with Keras' own exporter, and write it; see `Format.write`.

    With float16 the weights take half the space; with int8 the arithmetic is in integers.
    """

    def representative() -> Iterator[list[np.ndarray]]:
        for image in calibration:
            yield [image[np.newaxis]]

    # TensorFlow's own operations are excluded, because runtimes on small devices do not have them.
    target_spec: dict[str, Any] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    options: dict[str, Any] = {}
    if precision != "float32":
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        target_spec["supported_types"] = [tf.float16]
    if precision == "int8":
        options["representative_dataset"] = representative
    classifier.export(
        target,
        format="litert",
        verbose=False,
        input_signature=uint8_images(classifier),
        target_spec=target_spec,
        **options,
    )


def load_litert(path: Path) -> Run:
    """Load a .tflite file into TensorFlow's interpreter; see `Format.load`.

    It is the same interpreter as in the package ai-edge-litert.
    """
    interpreter = tf.lite.Interpreter(str(path), num_threads=available_cores())
    image = interpreter.get_input_details()[0]
    probabilities = interpreter.get_output_details()[0]["index"]

    def run(images: np.ndarray) -> np.ndarray:
        results = np.empty((len(images), 2), np.float32)
        interpreter.resize_tensor_input(image["index"], (1, *image["shape"][1:]))
        interpreter.allocate_tensors()
        for row, one in enumerate(images):
            interpreter.set_tensor(image["index"], one[np.newaxis])
            interpreter.invoke()
            results[row] = interpreter.get_tensor(probabilities)[0]
        return results

    return run


LITERT = Format(".tflite", (), write_litert, load_litert)
