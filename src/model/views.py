"""Augmented views of patches: drawn once and for all by Keras' own random layers, or each flip."""

from typing import Final

import cv2
import keras
import numpy as np

from src.model.classifier import augmentation_layers

# Which axis of a batch (n, height, width, 3) RandomFlip reverses.
FLIPPED_AXIS = {"horizontal": 2, "vertical": 1}
# All that the flips of a configuration can give, by the axes reversed; the first is the image.
FLIPS: dict[str | None, tuple[tuple[int, ...], ...]] = {
    None: ((),),
    "horizontal": ((), (2,)),
    "vertical": ((), (1,)),
    "horizontal_and_vertical": ((), (2,), (1,), (1, 2)),
}
# All symmetries of the data: cracks have no up, down, left or right.
ALL_FLIPS: Final = "horizontal_and_vertical"


def flipped_view(images: np.ndarray, flip: str | None, view: int) -> np.ndarray:
    """View number `view` of images (n, size, size, 3) where nothing but flips is drawn.

    There are only so many, so each is taken in turn instead of by chance.
    """
    return np.ascontiguousarray(np.flip(images, FLIPS[flip][view]))


def augmented_view(
    images: np.ndarray,
    members: np.ndarray,
    *,
    draws: int,
    flip: str | None,
    rotation: float,
    seed: int,
) -> np.ndarray:
    """Flip and rotate a batch as RandomFlip and RandomRotation would in training.

    The layers draw the transformations; numpy and OpenCV apply them, six times as fast and the
    same to within rounding.

    Args:
        images: (n, size, size, 3) uint8.
        members: (n,) int, which of the `draws` transformations each image gets, so that a view
            does not depend on which images are asked for together.
        draws: how many transformations are drawn.
        flip: horizontal, vertical, horizontal_and_vertical, or None.
        rotation: the factor of RandomRotation, in turns.
        seed: the same seed and number of draws give the same transformations.

    Returns:
        (n, size, size, 3) uint8; what a rotation uncovers is the image reflected.
    """
    view = images
    shape = np.broadcast_to(images[:1], (draws, *images.shape[1:]))
    for number, layer in enumerate(augmentation_layers(flip, rotation)):
        drawn = layer.get_random_transformation(shape, training=True, seed=seed + number)
        if isinstance(layer, keras.layers.RandomFlip):
            flips = keras.ops.convert_to_numpy(drawn["flips"]).astype(bool)[members]
            view = np.where(flips, np.flip(view, FLIPPED_AXIS[layer.mode]), view)
        else:
            view = _rotated(view, keras.ops.convert_to_numpy(drawn["rotation_matrix"])[members])
    return view


def _rotated(images: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    rotated = np.empty_like(images)
    size = images.shape[2], images.shape[1]
    for image, matrix, target in zip(images, matrices, rotated, strict=True):
        # Keras gives the 8 numbers of a projective map from output to input; the last two are 0.
        cv2.warpAffine(
            image,
            matrix[:6].reshape(2, 3).astype(np.float64),
            size,
            dst=target,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
    return rotated
