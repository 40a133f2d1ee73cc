"""The published classifier: MobileNetV2 followed by average pooling, dropout and a softmax."""

import keras

from src.errors import InputError

BACKBONE_LAYERS = 154


def build_backbone(image_size: int) -> keras.Model:
    """Build MobileNetV2 1.0 (Sandler et al. 2018) without its top, randomly initialised.

    Args:
        image_size: height and width of the images in pixels.

    Returns:
        A model that maps images (n, image_size, image_size, 3) float32 in [-1, 1] to features
        (n, h, w, 1280) float32.
    """
    return keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(image_size, image_size, 3)
    )


def build_classifier(
    backbone: keras.Model, *, frozen_layers: int, dropout: float, flip: str | None, rotation: float
) -> keras.Model:
    """Put augmentation and rescaling before the backbone and a two-class softmax after it.

    To train the classifier end to end, wrap it in `src.model.end_to_end.EndToEnd`.

    Args:
        backbone: a model from `build_backbone`. It is shared, not copied, and its first
            `frozen_layers` layers are frozen.
        frozen_layers: number of frozen layers in the backbone's own order, from 0 to 154.
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
    x = rescaling()(x)
    x = backbone(x, training=False)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    probabilities = keras.layers.Dense(2, activation="softmax", name="probabilities")(x)
    return keras.Model(images, probabilities, name="crack_classifier")


def augmentation_layers(flip: str | None, rotation: float) -> list[keras.layers.Layer]:
    """Build the augmentation layers, which do nothing in inference.

    Args:
        flip: horizontal, vertical, horizontal_and_vertical or None.
        rotation: factor of keras.layers.RandomRotation, as a fraction of a full turn.
    """
    # One layer for each axis, since Keras' own mode horizontal_and_vertical draws once for both
    # axes. It would never mirror an image along one axis alone.
    axes = flip.split("_and_") if flip else []
    layers = [keras.layers.RandomFlip(axis, name=f"random_flip_{axis}") for axis in axes]
    if rotation:
        layers.append(keras.layers.RandomRotation(rotation, name="random_rotation"))
    return layers


def rescaling() -> keras.layers.Layer:
    """Build the layer that maps [0, 255] to [-1, 1], as MobileNetV2's preprocess_input does."""
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")


def inference_model(classifier: keras.Model) -> keras.Model:
    """Return the classifier without its random layers, which other engines cannot convert."""
    images = keras.Input(classifier.input_shape[1:], name="image")
    x = images
    for layer in classifier.layers[1:]:
        if not isinstance(layer, keras.layers.RandomFlip | keras.layers.RandomRotation):
            x = layer(x, training=False) if isinstance(layer, keras.Model) else layer(x)
    return keras.Model(images, x, name="inference")


def backbone_of(classifier: keras.Model) -> keras.Model:
    """Return the backbone inside a classifier.

    Raises:
        InputError: no part of the model has MobileNetV2's number of layers.
    """
    for layer in classifier.layers:
        if isinstance(layer, keras.Model) and len(layer.layers) == BACKBONE_LAYERS:
            return layer
    raise InputError(f"the model {classifier.name} has no MobileNetV2 backbone inside")


def parameter_counts(model: keras.Model) -> dict[str, int]:
    """Count the parameters of a model: total, trainable and non_trainable."""
    trainable = sum(int(keras.ops.size(w)) for w in model.trainable_weights)
    # The seeds of the random layers are state, so `model.weights` does not hold them.
    total = sum(int(keras.ops.size(w)) for w in model.weights)
    return {"total": total, "trainable": trainable, "non_trainable": total - trainable}
