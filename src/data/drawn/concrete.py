"""Drawing a concrete surface without cracks, and the photograph that a camera takes of it.

Every length is in pixels at the scale of METU's patches, for images of any size. A tile of a large
image thus shows the same grain, pores and blur as a patch.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]  # (3, height, width) red, green, blue: 0 black to 1 white
Field = npt.NDArray[np.float32]  # (height, width)
Layer = npt.NDArray[np.uint8]  # (height, width) coverage that OpenCV draws: 0 none to 255 full

UNIT = 227  # side in pixels of the square that rates refer to

# The concrete's colour: its brightness, the excess of red over blue, and the excess of green over
# both. Each has a mean and a standard deviation.
BRIGHTNESS, WARMTH, GREENNESS = (0.71, 0.09), (0.055, 0.028), (0.006, 0.006)
DARKEST, PALEST = 0.33, 0.88

# Sizes of the grain's bumps in pixels, each with the standard deviation of brightness that it gives
# an average surface.
GRAIN = (
    (2, 0.016),
    (3.5, 0.018),
    (7, 0.016),
    (14, 0.013),
    (28, 0.010),
    (60, 0.009),
    (200, 0.012),
    (700, 0.020),
)
# Largest change of the logarithm of the grain's contrast: once for the surface, and once more for
# each size of bump.
COARSENESS = 0.45
EMBOSSING = 1.4  # largest strength of the grain's shading under slanting light
BRUSHED = 0.15  # share of surfaces whose grain was stretched by a brush or trowel
BRUSH_STRETCH, LARGEST_BRUSHED = (1.5, 3.5), 15  # larger bumps keep their shape

# The lowest and highest values of properties that differ between surfaces.
PORE_SIZE, PORE_RARITY, PORE_SOFTNESS = (3.0, 9.0), (1.8, 3.5), (0.4, 1.2)
STAIN_SIZE, STAIN_RARITY, STAIN_SOFTNESS = (25.0, 120.0), (0.3, 1.5), (0.2, 1.2)
STAIN_SHADE, STAIN_HUE = (0.82, 1.1), 0.007
PORE_SHADE, SPECK_SHADE = (0.3, 0.75), (1.08, 1.25)
RELIEF = 0.25  # depth of a pore and height of a speck, in units of the grain's brightness

STAINS = 1.0  # mean number of kinds of stain on a surface
SCRATCHES = 0.2  # mean number of pale scratches in a unit square, and of dark ones
JOINTS = 0.25  # mean number of formwork lines that cross a unit square
JOINT_WIDTH, JOINT_DEPTH = (1.0, 6.0), (50, 255)
SHADOWS = 0.07  # mean number of shadow edges that cross a unit square
SHADOW_DEPTH, SHADOW_SOFTNESS, SHADOW_WAVES = (0.15, 0.45), (2.0, 40.0), (0.0, 12.0)

LIGHT_SLOPE = 0.05  # largest change of brightness from the image's centre to an edge
VIGNETTING = 0.08  # largest loss of brightness in the corners
BLUR = (0.5, 1.0)  # standard deviation of the lens's blur in pixels
SENSOR_NOISE = (0.002, 0.008)  # standard deviation, the same in red, green and blue


def draw_surface(rng: np.random.Generator, height: int, width: int) -> Image:
    """Draw concrete (3, height, width) under even light.

    It has grain, stains, pores, specks, formwork lines and scratches.
    """
    image = np.empty((3, height, width), np.float32)
    image[:] = _base_colour(rng)[:, None, None]
    for _ in range(rng.poisson(STAINS)):
        stain = _blotches(rng, height, width, STAIN_SIZE, STAIN_RARITY, STAIN_SOFTNESS)
        tint(image, stain, rng.uniform(*STAIN_SHADE) + rng.normal(0, STAIN_HUE, 3))
    hollow, raised = (_marks(rng, height, width) for _ in range(2))
    tint(image, hollow, rng.uniform(*PORE_SHADE))
    tint(image, raised, rng.uniform(*SPECK_SHADE))

    grain = _grain(rng, height, width)
    relief = grain + RELIEF * (raised - hollow)
    towards_light = ((0, 1), (1, 1), (1, 0), (1, -1))[rng.integers(4)]
    relief -= np.roll(relief, towards_light, axis=(0, 1))
    grain += np.float32(rng.uniform(-EMBOSSING, EMBOSSING)) * relief
    image *= 1 + grain
    return image


def photograph(rng: np.random.Generator, image: Image) -> npt.NDArray[np.uint8]:
    """Take a photo (height, width, 3) uint8 RGB of a surface.

    The photo has shadows, uneven light, vignetting, blur and noise.
    """
    _, height, width = image.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    slope_y, slope_x = rng.uniform(-LIGHT_SLOPE, LIGHT_SLOPE, 2).astype(np.float32)
    loss = np.float32(rng.uniform(0, VIGNETTING) / 2)
    light = (1 + slope_y * y + slope_x * x) * (1 - loss * (x**2 + y**2))
    shadow = np.zeros((height, width), np.float32)
    for _ in range(_crossings(rng, SHADOWS, height, width)):
        np.maximum(shadow, _shadow(rng, height, width), out=shadow)
    light *= 255 * (1 - np.float32(rng.uniform(*SHADOW_DEPTH)) * shadow)

    blur, deviation = rng.uniform(*BLUR), 255 * np.float32(rng.uniform(*SENSOR_NOISE))
    noise = deviation * rng.standard_normal((height, width), dtype=np.float32)
    planes = [cv2.GaussianBlur(plane * light, (0, 0), blur) + noise for plane in image]
    return np.stack([np.clip(plane, 0, 255).astype(np.uint8) for plane in planes], axis=-1)


def smooth_noise(
    rng: np.random.Generator, height: int, width: int, cell: tuple[float, float]
) -> Field:
    """Draw a random field (height, width) of about unit variance.

    Args:
        rng: the random generator.
        height: height of the field in pixels.
        width: width of the field in pixels.
        cell: vertical and horizontal size of the field's bumps in pixels.
    """
    rows, columns = (max(2, round(n / c)) for n, c in zip((height, width), cell, strict=True))
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    field = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return field.astype(np.float32, copy=False)


def tint(image: Image, coverage: Field, factor: npt.ArrayLike) -> None:
    """Multiply an image in place by a factor, as far as `coverage` goes.

    Args:
        image: (3, height, width).
        coverage: (height, width), from 0 (unchanged) to 1 (multiplied by the whole factor).
        factor: one factor, or one for each of red, green and blue.
    """
    for plane, value in zip(image, np.broadcast_to(factor, 3), strict=True):
        plane *= 1 + np.float32(value - 1) * coverage


def soften(layer: Layer, deviation: float) -> Field:
    """Return a drawn layer as coverage from 0 to 1, with its edges blurred.

    Args:
        layer: (height, width) uint8.
        deviation: standard deviation of the blur in pixels.
    """
    soft = cv2.GaussianBlur(layer, (0, 0), deviation).astype(np.float32)
    return soft / np.float32(255)


def fixed_point(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Convert points from pixels to sixteenths of a pixel, as OpenCV expects them with shift=4."""
    return np.round(points * 16).astype(np.int32)


def _base_colour(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    brightness = np.clip(rng.normal(*BRIGHTNESS), DARKEST, PALEST)
    warmth, greenness = rng.normal(*WARMTH), rng.normal(*GREENNESS)
    return brightness + np.array([warmth / 2, greenness, -warmth / 2])


def _grain(rng: np.random.Generator, height: int, width: int) -> Field:
    """Draw the grain, as relative deviations from the brightness of the surface."""
    grain = np.zeros((height, width), np.float32)
    coarseness = rng.uniform(-COARSENESS, COARSENESS)
    stretch = rng.uniform(*BRUSH_STRETCH) if rng.uniform() < BRUSHED else 1.0
    along_x = rng.uniform() < 0.5
    for size, deviation in GRAIN:
        drawn_out = size * stretch if size < LARGEST_BRUSHED else size
        cell = (size, drawn_out) if along_x else (drawn_out, size)
        change = coarseness + rng.uniform(-COARSENESS, COARSENESS)
        grain += np.float32(deviation * math.exp(change)) * smooth_noise(rng, height, width, cell)
    return grain


def _blotches(
    rng: np.random.Generator,
    height: int,
    width: int,
    size: tuple[float, float],
    rarity: tuple[float, float],
    softness: tuple[float, float],
) -> Field:
    """Draw the coverage, 0 to 1, of scattered ragged blotches.

    Each range holds the lowest and the highest value that a surface can have.
    """
    cell = rng.uniform(*size)
    field = np.zeros((height, width), np.float32)
    for weight, part in ((1.0, 1), (0.5, 3), (0.25, 9)):
        side = max(2.0, cell / part)
        field += np.float32(weight) * smooth_noise(rng, height, width, (side, side))
    field -= np.float32(rng.uniform(*rarity))
    field /= np.float32(rng.uniform(*softness))
    return np.clip(field, 0, 1, out=field)


def _marks(rng: np.random.Generator, height: int, width: int) -> Field:
    """Draw the coverage, 0 to 1, of marks: blots, formwork lines and scratches."""
    lines = np.zeros((height, width), np.uint8)
    for _ in range(_crossings(rng, JOINTS / 2, height, width)):
        _draw_joint(rng, lines)
    for _ in range(rng.poisson(SCRATCHES * height * width / UNIT**2)):
        _draw_scratch(rng, lines)
    blots = _blotches(rng, height, width, PORE_SIZE, PORE_RARITY, PORE_SOFTNESS)
    return np.maximum(blots, soften(lines, 0.7))


def _draw_joint(rng: np.random.Generator, layer: Layer) -> None:
    """Draw a straight line across the whole image, as the gaps between formwork boards leave it."""
    height, width = layer.shape
    angle = rng.uniform(0, np.pi)
    along = (height + width) * np.array([np.cos(angle), np.sin(angle)])
    across = rng.uniform(*JOINT_WIDTH) / 2 * np.array([-np.sin(angle), np.cos(angle)])
    corners = rng.uniform(0, (width, height)) + np.array(
        [-along - across, along - across, along + across, -along + across]
    )
    depth = int(rng.integers(*JOINT_DEPTH))
    cv2.fillConvexPoly(layer, fixed_point(corners), depth, cv2.LINE_AA, shift=4)


def _draw_scratch(rng: np.random.Generator, layer: Layer) -> None:
    """Draw a thin smooth curve."""
    height, width = layer.shape
    turns = rng.normal(rng.normal(0, 0.02), 0.08, rng.integers(10, 60))
    headings = rng.uniform(0, 2 * np.pi) + np.cumsum(turns)
    steps = 4 * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    points = rng.uniform(0, (width, height)) + np.cumsum(steps, axis=0)
    depth, thickness = int(rng.integers(60, 220)), int(rng.integers(1, 3))
    cv2.polylines(layer, [fixed_point(points)], False, depth, thickness, cv2.LINE_AA, shift=4)


def _shadow(rng: np.random.Generator, height: int, width: int) -> Field:
    """Draw the coverage, 0 to 1, of a shadow whose slightly wavy edge crosses the image."""
    angle, (middle_x, middle_y) = rng.uniform(0, 2 * np.pi), rng.uniform(0, (width, height))
    y = (np.arange(height) - middle_y).astype(np.float32)[:, None]
    x = (np.arange(width) - middle_x).astype(np.float32)[None, :]
    depth = np.float32(math.cos(angle)) * x + np.float32(math.sin(angle)) * y
    depth += np.float32(rng.uniform(*SHADOW_WAVES)) * smooth_noise(rng, height, width, (60, 60))
    return np.clip(depth / np.float32(rng.uniform(*SHADOW_SOFTNESS)), 0, 1)


def _crossings(rng: np.random.Generator, rate: float, height: int, width: int) -> int:
    """Draw the number of random lines that cross the image.

    `rate` is the mean number of lines that cross a unit square.
    """
    return int(rng.poisson(rate * (height + width) / (2 * UNIT)))
