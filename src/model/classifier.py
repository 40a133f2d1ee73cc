"""The classifier: a backbone followed by average pooling, dropout and a softmax.

The published one has MobileNetV2 1.0 (Sandler et al. 2018).
"""

from typing import Any

import keras

from src.errors import InputError
from src.model.augmentation import augmentation_layers
from src.model.backbones import preprocessing
from src.model.convolutions import with_depthwise_layers


def build_classifier(
    backbone: keras.Model, *, frozen_layers: int, dropout: float, flip: str | None, rotation: float
) -> keras.Model:
    """Put augmentation and preprocessing before the backbone and a two-class softmax after it.

    To train the classifier end to end, wrap it in `src.model.end_to_end.EndToEnd`.

    Args:
        backbone: a model from `build_backbone`. It is shared, not copied, and its first
            `frozen_layers` layers are frozen.
        frozen_layers: number of frozen layers in the backbone's own order, at most as many as it
            has.
        dropout: share of the pooled features that is dropped in training, in [0, 1).
        flip: horizontal, vertical, horizontal_and_vertical or None. Each axis is flipped at random.
        rotation: factor of keras.layers.RandomRotation, as a fraction of a full turn; 0 means no
            rotation.

    Returns:
        A model that maps images (n, size, size, 3) uint8 or float32 in [0, 255] to probabilities
        (n, 2) float32.
    """
    for index, layer in enumerate(backbone.layers):
        layer.trainable = index >= frozen_layers
    images = keras.Input(backbone.input_shape[1:], name="image")
    x = images
    for layer in augmentation_layers(flip, rotation):
        x = layer(x)
    x = preprocessing(backbone.name)(x)
    x = backbone(x, training=False)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    probabilities = keras.layers.Dense(2, activation="softmax", name="probabilities")(x)
    return keras.Model(images, probabilities, name="crack_classifier")


def inference_model(classifier: keras.Model) -> keras.Model:
    """Return the classifier without its random layers, which other engines cannot convert."""
    images = keras.Input(classifier.input_shape[1:], name="image")
    x = images
    for layer in classifier.layers[1:]:
        if not isinstance(layer, keras.layers.RandomFlip | keras.layers.RandomRotation):
            if isinstance(layer, keras.Model):
                x = with_depthwise_layers(layer)(x, training=False)
            else:
                x = layer(x)
    return keras.Model(images, x, name="inference")


def backbone_of(classifier: keras.Model) -> keras.Model:
    """Return the backbone inside a classifier.

    Raises:
        InputError: the model is not one of `build_classifier`.
    """
    parts = {layer.name: layer for layer in classifier.layers}
    backbones = [layer for layer in classifier.layers if isinstance(layer, keras.Model)]
    if len(backbones) != 1 or not {"rescale", "probabilities"} <= set(parts):
        raise InputError(
            f"the model {classifier.name} has no backbone and classifier of this project"
        )
    return backbones[0]


def prepared(classifier: keras.Model, images: Any) -> Any:
    """Apply a classifier's own preprocessing to images (n, height, width, 3) in [0, 255]."""
    return classifier.get_layer("rescale")(images)


def parameter_counts(model: keras.Model) -> dict[str, int]:
    """Count the parameters of a model: total, trainable and non_trainable."""
    trainable = sum(int(keras.ops.size(w)) for w in model.trainable_weights)
    # The seeds of the random layers are state, so `model.weights` does not hold them.
    total = sum(int(keras.ops.size(w)) for w in model.weights)
    return {"total": total, "trainable": trainable, "non_trainable": total - trainable}
