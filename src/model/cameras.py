"""Views of patches as another camera would have taken them, in another light.

The layers of Keras draw the perspective, the contrast and the brightness. Keras has no layer for
the rest: its zoom stops at half the size and its blur is the same for a whole batch.
"""

from typing import TYPE_CHECKING, Any

import cv2
import keras
import numpy as np

# See src/bank/extraction.py: the schema is imported for type checkers only.
if TYPE_CHECKING:
    from src.config.schema import Cameras

WHITE = 255.0


def camera_view(
    images: np.ndarray, members: np.ndarray, *, draws: int, cameras: "Cameras", seed: int
) -> np.ndarray:
    """Take a batch of images again with cameras drawn at random.

    Args:
        images: (n, size, size, 3) uint8.
        members: (n,) int, the index of the camera that each image gets. A view thus does not depend
            on which images are asked for together.
        draws: number of cameras that are drawn.
        cameras: how far the cameras may differ.
        seed: seed of the cameras, from 0 to 2**31 - 4. The same seed and number of draws give the
            same ones.

    Returns:
        (n, size, size, 3) uint8. Areas that were out of the picture are filled by reflection.
    """
    drawn = _drawn_by_keras((draws, *images.shape[1:]), cameras, seed)
    view = np.empty_like(images)
    for image, member, target in zip(images, members, view, strict=True):
        rng = np.random.default_rng([seed, int(member)])
        moved = _moved(image, drawn["end_points"][member], cameras, rng)
        lit = _shaded(moved, cameras.shadow, rng)
        contrast, shift = drawn["contrast_factor"][member], drawn["rgb_delta"][member]
        coloured = cv2.LUT(lit, _colours(lit, contrast.item(), shift.item(), cameras, rng))
        target[:] = _recorded(coloured, cameras, rng)
    return view


def camera_layers(cameras: "Cameras") -> list[keras.layers.Layer]:
    """Build the layers of Keras that draw a part of a camera."""
    return [
        # The factor is the range of the probability that an image is changed.
        keras.layers.RandomPerspective((1.0, 1.0), scale=cameras.perspective),
        keras.layers.RandomContrast(cameras.contrast, value_range=(0, WHITE)),
        keras.layers.RandomBrightness(cameras.brightness, value_range=(0, WHITE)),
    ]


def _drawn_by_keras(shape: tuple[int, ...], cameras: "Cameras", seed: int) -> dict[str, np.ndarray]:
    blank = np.broadcast_to(np.uint8(0), shape)
    drawn: dict[str, Any] = {}
    for number, layer in enumerate(camera_layers(cameras)):
        # RandomPerspective would take a seed of 0 for none.
        drawn |= layer.get_random_transformation(blank, training=True, seed=seed + 1 + number)
    names = "end_points", "contrast_factor", "rgb_delta"
    return {name: keras.ops.convert_to_numpy(drawn[name]) for name in names}


def _moved(
    image: np.ndarray, corners: np.ndarray, cameras: "Cameras", rng: np.random.Generator
) -> np.ndarray:
    """Change the scale about the centre, and move the corners to `corners` (4, 2) float32."""
    height, width = image.shape[:2]
    scale = np.exp(rng.uniform(*np.log(cameras.scale)))
    if scale == 1 and not cameras.perspective:
        return image
    if scale < 1:
        # A camera averages over what falls on one of its pixels.
        image = cv2.GaussianBlur(image, (0, 0), 0.5 * np.sqrt(scale**-2 - 1))
    right, bottom = width - 1, height - 1
    straight = np.array([[0, 0], [right, 0], [0, bottom], [right, bottom]], np.float32)
    centre = np.array([right, bottom], np.float32) / 2
    moved = (corners.astype(np.float32) - centre) * np.float32(scale) + centre
    return cv2.warpPerspective(
        image,
        cv2.getPerspectiveTransform(straight, moved),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )


def _shaded(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Cast a shadow with a straight edge, soft or hard, over a part of every second image."""
    if not strength or rng.random() < 0.5:
        return image
    height, width = image.shape[:2]
    angle, place = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5) * width
    softness = width * np.exp(rng.uniform(np.log(0.005), np.log(0.5)))
    across = (np.arange(width, dtype=np.float32) - width / 2) * np.float32(np.cos(angle))
    down = (np.arange(height, dtype=np.float32) - height / 2) * np.float32(np.sin(angle))
    distance = (down[:, None] + across - np.float32(place)) / np.float32(softness)
    light = 1 - np.float32(rng.uniform(0, strength)) * np.clip(distance + 0.5, 0, 1)
    return cv2.multiply(image, cv2.merge([light] * 3), dtype=cv2.CV_8U)


def _colours(
    image: np.ndarray, contrast: float, shift: float, cameras: "Cameras", rng: np.random.Generator
) -> np.ndarray:
    """Return the table (1, 256, 3) uint8 of what the values of each channel become."""
    values = np.arange(256, dtype=np.float64)[:, None]
    mean = np.array(cv2.mean(image)[:3])
    values = np.clip((values - mean) * contrast + mean, 0, WHITE)
    values = np.clip(values + shift, 0, WHITE)
    gains = np.exp(rng.uniform(-cameras.white_balance, cameras.white_balance, 3))
    exponent = np.exp(rng.uniform(-cameras.gamma, cameras.gamma))
    values = WHITE * np.clip(values / WHITE * gains, 0, 1) ** exponent
    return np.rint(values).astype(np.uint8)[None]


def _recorded(image: np.ndarray, cameras: "Cameras", rng: np.random.Generator) -> np.ndarray:
    """Blur an image, add noise and compress it as JPEG."""
    sigma, deviation = rng.uniform(0, cameras.blur), rng.uniform(0, cameras.noise)
    # A narrower kernel has no weight beside its centre.
    if sigma > 0.2:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    if deviation:
        grain = np.float32(deviation) * rng.standard_normal(image.shape[:2], np.float32)
        image = cv2.add(image, cv2.merge([grain] * 3), dtype=cv2.CV_8U)
    if cameras.jpeg_quality < 100:
        quality = int(rng.integers(cameras.jpeg_quality, 101))
        stored = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        encoded = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB))
    return image
