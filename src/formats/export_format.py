"""What every export format has: a file that takes images and gives probabilities."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Format:
    """How a classifier is written for one runtime, and run by it.

    Attributes:
        suffix: of the file, or of that file which names the others.
        packages: that it needs besides this project's own dependencies.
        write: a classifier without random layers, the precision (float32, float16 or int8), images
            (n, size, size, 3) uint8 that int8 takes its ranges from, and the target's path, whose
            folder exists.
        load: the path of a file that `write` wrote to a function of images (n, size, size, 3)
            uint8, n of any size, to probabilities (n, 2) float32, on this machine's processor.
    """

    suffix: str
    packages: tuple[str, ...]
    write: Callable[[keras.Model, str, np.ndarray, Path], None]
    load: Callable[[Path], Run]


def uint8_images(classifier: keras.Model) -> list[tf.TensorSpec]:
    """The signature of exports: one input `image`, (n, size, size, 3) uint8 with n free."""
    return [tf.TensorSpec((None, *classifier.input_shape[1:]), tf.uint8, name="image")]
