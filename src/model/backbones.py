"""The backbones of keras.applications that a classifier can be built on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from src.errors import InputError

# Mean and standard deviation of ImageNet's channels in [0, 1], as in keras.applications.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Architecture:
    """A network of keras.applications.

    Attributes:
        build: the function of keras.applications.
        standardised: whether the network expects channels of mean 0 and deviation 1 over ImageNet.
            Otherwise it expects values in [-1, 1].
        options: further arguments of `build`.
    """

    build: Callable[..., keras.Model]
    standardised: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, image_size: int, weights: str | None = None) -> keras.Model:
        """Build the network without its top, see `build_backbone`."""
        shape = (image_size, image_size, 3)
        return self.build(include_top=False, weights=weights, input_shape=shape, **self.options)


# Where a network brings its own preprocessing, it is left out, since `preprocessing` adds it.
_BARE = {"include_preprocessing": False}
BACKBONES = {
    "mobilenet_v2": Architecture(keras.applications.MobileNetV2),
    "mobilenet_v3_small": Architecture(keras.applications.MobileNetV3Small, options=_BARE),
    "mobilenet_v3_large": Architecture(keras.applications.MobileNetV3Large, options=_BARE),
    "efficientnet_v2_b0": Architecture(keras.applications.EfficientNetV2B0, True, _BARE),
    "resnet50_v2": Architecture(keras.applications.ResNet50V2),
    "densenet121": Architecture(keras.applications.DenseNet121, True),
    "convnext_tiny": Architecture(keras.applications.ConvNeXtTiny, True, _BARE),
}


def build_backbone(name: str, image_size: int) -> keras.Model:
    """Build a network without its top, randomly initialised.

    Args:
        name: a key of `BACKBONES`.
        image_size: height and width of the images in pixels.

    Returns:
        A model called `name`. It maps images (n, image_size, image_size, 3) float32, prepared by
        `preprocessing`, to features (n, h, w, channels) float32.
    """
    network = BACKBONES[name](image_size)
    return keras.Model(network.input, network.output, name=name)


def preprocessing(name: str) -> keras.layers.Rescaling:
    """Build the layer that maps images in [0, 255] to what a backbone expects.

    Args:
        name: a key of `BACKBONES`.
    """
    if not BACKBONES[name].standardised:
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")
    channels = list(zip(IMAGENET_MEAN, IMAGENET_DEVIATION, strict=True))
    scale = [1 / (255 * deviation) for _, deviation in channels]
    offset = [-mean / deviation for mean, deviation in channels]
    return keras.layers.Rescaling(scale, offset, name="rescale")


def check_frozen_layers(backbone: keras.Model, frozen_layers: int) -> None:
    """Check that a backbone has as many layers as are to be frozen, its input included.

    Raises:
        InputError: it has fewer; the message names the allowed range.
    """
    layers = len(backbone.layers)
    if not 0 <= frozen_layers <= layers:
        raise InputError(
            f"model.frozen_layers is {frozen_layers}, but {backbone.name} has {layers} layers: "
            f"give a number from 0 to {layers}"
        )
