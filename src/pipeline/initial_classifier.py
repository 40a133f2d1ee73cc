"""The classifier of a configuration before training."""

import random
from dataclasses import dataclass

import keras

from src.config.schema import Config
from src.model.backbones import build_backbone, check_frozen_layers
from src.model.classifier import build_classifier
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
        InputError: the backbone has fewer layers than are to be frozen, or no source has the
            ImageNet weights.
    """
    keras.utils.set_random_seed(config.train.seed)
    model = config.model
    backbone = build_backbone(model.backbone, config.data.image_size)
    check_frozen_layers(backbone, model.frozen_layers)
    source = "random"
    if model.weights == "imagenet":
        # A download builds another network, and must not change the random numbers that follow.
        state = random.getstate()
        source = load_imagenet(backbone, model.imagenet)
        random.setstate(state)
    # The fingerprint is taken here, because training changes the weights.
    fingerprint = weights_sha256(backbone)
    classifier = build_classifier(
        backbone,
        frozen_layers=model.frozen_layers,
        dropout=model.dropout,
        flip=config.augment.flip,
        rotation=config.augment.rotation,
    )
    return Start(classifier, source, fingerprint)
