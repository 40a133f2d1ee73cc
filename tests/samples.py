"""Small things that tests of several folders stand on."""

import keras
import numpy as np

from src.model.classifier import build_backbone, rescaling


def small_backbone(image_size: int = 96) -> keras.Model:
    """The published architecture for small images, with weights that play trained ones.

    Random, but so that every batch normalisation does something and features keep their size.
    """
    keras.utils.set_random_seed(0)
    backbone = build_backbone(image_size)
    rng = np.random.default_rng(0)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape
            layer.gamma.assign(rng.uniform(0.7, 1.3, size))
            layer.beta.assign(rng.normal(0, 0.2, size))
            layer.moving_mean.assign(rng.normal(0, 0.2, size))
            layer.moving_variance.assign(rng.uniform(0.3, 0.6, size))
    return backbone


def lively_backbone(images: np.ndarray) -> keras.Model:
    """`small_backbone`, normalised by the statistics of `images` (n, 96, 96, 3) uint8.

    With statistics drawn at random its features are the same for every image, to 1e-6, so that a
    test would not see images mixed up.
    """
    backbone = small_backbone()
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    backbone(rescaling()(images), training=True)
    return backbone
