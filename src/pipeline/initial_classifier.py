"""The classifier of a configuration before training."""

from dataclasses import dataclass

import keras

from src.config.schema import Config
from src.model.classifier import build_backbone, build_classifier
from src.model.weights import load_imagenet, weights_sha256


@dataclass(frozen=True)
class Start:
    """A classifier before training.

    Attributes:
        classifier: the model from `build_classifier`.
        weights_source: where the backbone's weights come from; random if they are not pretrained.
        weights_sha256: SHA-256 (hex) of the backbone's weights.
    """

    classifier: keras.Model
    weights_source: str
    weights_sha256: str


def initial_classifier(config: Config) -> Start:
    """Set the random seed, and build the classifier of a configuration with its initial weights.

    Raises:
        InputError: no source has the ImageNet weights.
    """
    keras.utils.set_random_seed(config.train.seed)
    backbone = build_backbone(config.data.image_size)
    source = "random"
    if config.model.weights == "imagenet":
        source = load_imagenet(backbone, config.model.imagenet)
    # The fingerprint is taken here, because training changes the weights.
    fingerprint = weights_sha256(backbone)
    classifier = build_classifier(
        backbone,
        frozen_layers=config.model.frozen_layers,
        dropout=config.model.dropout,
        flip=config.augment.flip,
        rotation=config.augment.rotation,
    )
    return Start(classifier, source, fingerprint)
