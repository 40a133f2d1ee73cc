"""The published classifier: MobileNetV2 under average pooling, dropout and a softmax."""

import keras

from src.errors import InputError

BACKBONE_LAYERS = 154


def build_backbone(image_size: int) -> keras.Model:
    """MobileNetV2 1.0 without its top (Sandler et al. 2018), randomly initialised.

    Input (n, image_size, image_size, 3) float32 in [-1, 1]; output (n, h, w, 1280) float32.
    """
    return keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(image_size, image_size, 3)
    )


def build_classifier(
    backbone: keras.Model, *, frozen_layers: int, dropout: float, flip: str | None, rotation: float
) -> keras.Model:
    """Put augmentation and rescaling before the backbone and a two-class softmax behind it.

    Args:
        backbone: from `build_backbone`; shared, and its first `frozen_layers` layers are frozen.
        frozen_layers: 0..154, counted in the backbone's own order.
        dropout: the share of pooled features dropped in training, in [0, 1).
        flip: horizontal, vertical, horizontal_and_vertical (each by chance), or None.
        rotation: the factor of keras.layers.RandomRotation, in turns; 0 leaves it out.

    Returns:
        A model of images (n, size, size, 3) uint8 or float32 in [0, 255] to probabilities (n, 2)
        float32. To train it end to end, fit `src.model.end_to_end.EndToEnd` of it.
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
    """The random layers of training, which do nothing in inference."""
    # Keras' own mode horizontal_and_vertical draws once for both axes and makes no mirror image.
    axes = flip.split("_and_") if flip else []
    layers = [keras.layers.RandomFlip(axis, name=f"random_flip_{axis}") for axis in axes]
    if rotation:
        layers.append(keras.layers.RandomRotation(rotation, name="random_rotation"))
    return layers


def rescaling() -> keras.layers.Layer:
    """[0, 255] to [-1, 1], as MobileNetV2's preprocess_input does."""
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")


def inference_model(classifier: keras.Model) -> keras.Model:
    """The classifier without its random layers, which other engines can't convert."""
    images = keras.Input(classifier.input_shape[1:], name="image")
    x = images
    for layer in classifier.layers[1:]:
        if not isinstance(layer, keras.layers.RandomFlip | keras.layers.RandomRotation):
            x = layer(x, training=False) if isinstance(layer, keras.Model) else layer(x)
    return keras.Model(images, x, name="inference")


def backbone_of(classifier: keras.Model) -> keras.Model:
    """The backbone inside a classifier.

    Raises:
        InputError: the model has none with MobileNetV2's number of layers.
    """
    for layer in classifier.layers:
        if isinstance(layer, keras.Model) and len(layer.layers) == BACKBONE_LAYERS:
            return layer
    raise InputError(f"the model {classifier.name} has no MobileNetV2 backbone inside")


def parameter_counts(model: keras.Model) -> dict[str, int]:
    """Total, trainable and non-trainable parameters."""
    trainable = sum(int(keras.ops.size(w)) for w in model.trainable_weights)
    # Seeds of the random layers are state, not parameters of the function.
    total = sum(int(keras.ops.size(w)) for w in model.weights)
    return {"total": total, "trainable": trainable, "non_trainable": total - trainable}
