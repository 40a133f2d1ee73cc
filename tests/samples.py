"""Small things that tests of several folders stand on."""

from functools import cache

import keras
import numpy as np

from src.data.drawn.pictures import draw_patch
from src.model.classifier import build_backbone, rescaling


def small_backbone(image_size: int = 96) -> keras.Model:
    """The published architecture for small images, with weights that play trained ones.

    They are random, but every batch normalisation does something, features keep their size, and
    they differ from image to image, so that a test sees images mixed up.
    """
    backbone = build_backbone(image_size)
    backbone.set_weights(_lively_weights())
    return backbone


def drawn_patches(count: int) -> np.ndarray:
    """(count, 96, 96, 3) uint8, every other one cracked."""
    rngs = [np.random.default_rng([7, number]) for number in range(count)]
    return np.stack([draw_patch(rng, cracked=n % 2 == 1, size=96) for n, rng in enumerate(rngs)])


@cache
def _lively_weights() -> list[np.ndarray]:
    """Of a backbone that is normalised by the statistics of drawn patches.

    With statistics drawn at random, features would be the same for every image, to 1e-6. Most
    activations lie between the two bends of ReLU6: elsewhere so deep a random network multiplies
    the rounding of float32 until no two ways of computing it agree.
    """
    keras.utils.set_random_seed(0)
    backbone = build_backbone(96)
    rng = np.random.default_rng(0)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape
            rectified = "project" not in layer.name
            scale, shift = (1.0, 1.0) if rectified else (0.5, 0.0)
            layer.gamma.assign(scale * rng.uniform(0.3, 0.6, size))
            layer.beta.assign(rng.normal(shift, 0.2, size))
            # So that one pass sets the statistics.
            layer.momentum = 0.0
    backbone(rescaling()(drawn_patches(16)), training=True)
    return list(backbone.get_weights())
