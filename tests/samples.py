"""Small models and images for tests of several folders."""

from functools import cache

import keras
import numpy as np

from src.data.drawn.pictures import draw_patch
from src.model.backbones import build_backbone, preprocessing
from src.model.classifier import build_classifier


def small_backbone(image_size: int = 96, name: str = "mobilenet_v2") -> keras.Model:
    """Make a backbone for small images, by default of the published kind, with random weights.

    The weights resemble trained ones. Every batch normalisation has an effect, and features keep
    their magnitude. Features differ between images, so a test notices images in the wrong order.
    """
    backbone = build_backbone(name, image_size)
    backbone.set_weights(_lively_weights(name))
    return backbone


def small_classifier(seed: int = 1) -> keras.Model:
    """Make the published architecture on such a backbone, always from the same weights.

    Args:
        seed: of the untrained head. With 1, photographs have tiles on both sides of 0.5.
    """
    backbone = small_backbone()
    keras.utils.set_random_seed(seed)
    return build_classifier(
        backbone, frozen_layers=150, dropout=0.2, flip="horizontal", rotation=0.2
    )


def drawn_patches(count: int) -> np.ndarray:
    """Draw patches (count, 96, 96, 3) uint8, of which every second one has a crack."""
    rngs = [np.random.default_rng([7, number]) for number in range(count)]
    return np.stack([draw_patch(rng, cracked=n % 2 == 1, size=96) for n, rng in enumerate(rngs)])


@cache
def _lively_weights(name: str) -> list[np.ndarray]:
    """Make the weights of a backbone that is normalised by the statistics of drawn patches.

    With random statistics, features of all images would be equal up to 1e-6. Most activations are
    in the linear range of ReLU6. In other ranges, such a deep random network would amplify the
    rounding of float32, and no two ways to compute it would agree.
    """
    keras.utils.set_random_seed(0)
    backbone = build_backbone(name, 96)
    rng = np.random.default_rng(0)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape
            rectified = "project" not in layer.name
            scale, shift = (1.0, 1.0) if rectified else (0.5, 0.0)
            layer.gamma.assign(scale * rng.uniform(0.3, 0.6, size))
            layer.beta.assign(rng.normal(shift, 0.2, size))
            # With this momentum, a single pass sets the statistics.
            layer.momentum = 0.0
        elif type(layer).__name__ == "LayerScale":
            # ConvNeXt's blocks start out without effect.
            layer.gamma.assign(rng.uniform(0.2, 0.4, layer.gamma.shape))
        elif getattr(layer, "use_bias", False):
            layer.bias.assign(rng.normal(0.0, 0.1, layer.bias.shape))
    backbone(preprocessing(name)(drawn_patches(16)), training=True)
    return list(backbone.get_weights())
