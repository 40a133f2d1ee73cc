"""The layers that augment images at random in training."""

import keras


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
