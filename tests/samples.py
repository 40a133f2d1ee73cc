"""Small models and images for tests of several folders."""

from functools import cache

import keras
import numpy as np

from src.data.drawn.photograph import draw_photograph
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


def light_backbone() -> keras.Model:
    """Make a backbone like `small_backbone` with a quarter of the layers."""
    backbone = _light_network()
    backbone.set_weights(_lively_weights("light"))
    return backbone


def light_classifier(seed: int = 1) -> keras.Model:
    """Make a classifier like `small_classifier` on `light_backbone`.

    To build, save, load or compile a network takes time by its layers, and most tests of what is
    around a classifier need no particular one.

    Args:
        seed: of the untrained head. It is shifted so that photographs have tiles on both sides
            of 0.5.
    """
    backbone = light_backbone()
    keras.utils.set_random_seed(seed)
    classifier = build_classifier(
        backbone, frozen_layers=30, dropout=0.2, flip="horizontal", rotation=0.2
    )
    says = np.log(classifier(_tiles_of_a_photo(), training=False)).mean(axis=0)
    head = classifier.get_layer("probabilities")
    head.bias.assign_sub(says)
    return classifier


def drawn_patches(count: int) -> np.ndarray:
    """Draw patches (count, 96, 96, 3) uint8, of which every second one has a crack."""
    rngs = [np.random.default_rng([7, number]) for number in range(count)]
    return np.stack([draw_patch(rng, cracked=n % 2 == 1, size=96) for n, rng in enumerate(rngs)])


@cache
def _tiles_of_a_photo() -> np.ndarray:
    """Draw a photograph, and cut it into six patches (6, 96, 96, 3) uint8."""
    pixels = draw_photograph(np.random.default_rng(3), 192, 288, cracked=True).pixels
    return pixels.reshape(2, 96, 3, 96, 3).swapaxes(1, 2).reshape(6, 96, 96, 3)


@cache
def _lively_weights(name: str) -> list[np.ndarray]:
    """Make the weights of a backbone that is normalised by the statistics of drawn patches.

    With random statistics, features of all images would be equal up to 1e-6. Most activations are
    in the linear range of ReLU6. In other ranges, such a deep random network would amplify the
    rounding of float32, and no two ways to compute it would agree.
    """
    keras.utils.set_random_seed(0)
    light = name == "light"
    backbone = _light_network() if light else build_backbone(name, 96)
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
    backbone(preprocessing(backbone.name)(drawn_patches(16)), training=True)
    return list(backbone.get_weights())


def _light_network() -> keras.Model:
    """Build a network of MobileNetV2's kinds of layers, with its cells and its name.

    Like that one, it is narrow where its features are 8 pixels apart, it pads before each stride,
    and one of its blocks is residual.
    """
    layers = keras.layers
    images = keras.Input((96, 96, 3))

    def normalised(x, name: str, activated: bool = True):
        x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_BN")(x)
        return layers.ReLU(6.0, name=f"{name}_relu")(x) if activated else x

    def halved(x, name: str):
        return layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)

    def block(x, number: int, channels: int, stride: int):
        name = f"block_{number}"
        padding = "valid" if stride == 2 else "same"
        x = halved(x, name) if stride == 2 else x
        depthwise = f"{name}_depthwise"
        x = layers.DepthwiseConv2D(
            3, strides=stride, padding=padding, use_bias=False, name=depthwise
        )(x)
        x = normalised(x, depthwise)
        x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project")(x)
        return normalised(x, f"{name}_project", activated=False)

    x = layers.Conv2D(16, 3, strides=2, use_bias=False, name="Conv1")(halved(images, "Conv1"))
    x = normalised(x, "Conv1")
    for number, channels in enumerate((24, 16, 48, 64), start=1):
        x = block(x, number, channels, stride=2)
    x = layers.Add(name="block_5_add")([x, block(x, 5, 64, stride=1)])
    x = normalised(layers.Conv2D(256, 1, use_bias=False, name="Conv_1")(x), "Conv_1")
    return keras.Model(images, x, name="mobilenet_v2")
