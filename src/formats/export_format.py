"""The interface of all export formats: files that map images to probabilities."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

PRECISIONS = ("float32", "float16", "int8")
Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Format:
    """How a classifier is written for one runtime, and how it is run there.

    Attributes:
        suffix: suffix of the model's file, or of its main file if there are several.
        packages: packages that the format needs in addition to this project's dependencies.
        write: function that writes the model. It takes a classifier without random layers and the
            precision (float32, float16 or int8). The other arguments are calibration images
            (n, size, size, 3) uint8 and the path of the file, whose folder must exist.
        load: function that takes the path of a written file. It returns a function that maps images
            (n, size, size, 3) uint8, with any n, to probabilities (n, 2) float32. Both run on this
            machine's processor.
        precisions: the precisions that the format has.
    """

    suffix: str
    packages: tuple[str, ...]
    write: Callable[[keras.Model, str, np.ndarray, Path], None]
    load: Callable[[Path], Run]
    precisions: tuple[str, ...] = PRECISIONS


def uint8_images(classifier: keras.Model) -> list[tf.TensorSpec]:
    """Return the signature of exports: one input `image` (n, size, size, 3) uint8 with any n."""
    return [tf.TensorSpec((None, *classifier.input_shape[1:]), tf.uint8, name="image")]
