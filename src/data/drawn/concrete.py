"""A concrete surface without cracks, and the camera that photographs it.

Every length is in pixels at the scale of METU's patches, whatever the frame's size: a tile cut out
of a large frame shows the same grain, pores and blur as a frame of a patch's size.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]  # (3, height, width) red, green, blue: 0 black to 1 white
Field = npt.NDArray[np.float32]  # (height, width)
Layer = npt.NDArray[np.uint8]  # (height, width) coverage that OpenCV draws: 0 none to 255 full

UNIT = 227  # side of the square to which rates refer

# The concrete's colour: brightness, red over blue, green over both; mean and deviation.
BRIGHTNESS, WARMTH, GREENNESS = (0.71, 0.09), (0.055, 0.028), (0.006, 0.006)
DARKEST, PALEST = 0.33, 0.88

# Bump sizes of the grain and the deviation of brightness that each gives an average surface.
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
COARSENESS = 0.45  # largest log change of the grain: once for the surface, again for each size
EMBOSSING = 1.4  # most that the grain shades itself under slanting light
BRUSHED = 0.15  # share of surfaces whose grain a brush or trowel has drawn out
BRUSH_STRETCH, LARGEST_BRUSHED = (1.5, 3.5), 15  # larger bumps keep their shape

# Least and most of what differs between surfaces.
PORE_SIZE, PORE_RARITY, PORE_SOFTNESS = (3.0, 9.0), (1.8, 3.5), (0.4, 1.2)
STAIN_SIZE, STAIN_RARITY, STAIN_SOFTNESS = (25.0, 120.0), (0.3, 1.5), (0.2, 1.2)
STAIN_SHADE, STAIN_HUE = (0.82, 1.1), 0.007
PORE_SHADE, SPECK_SHADE = (0.3, 0.75), (1.08, 1.25)
RELIEF = 0.25  # depth of a pore, height of a speck, in units of the grain's brightness

STAINS = 1.0  # mean number of kinds of stain on a surface
SCRATCHES = 0.2  # pale, and as many dark, in a unit square
JOINTS = 0.25  # formwork lines that cross a unit square
JOINT_WIDTH, JOINT_DEPTH = (1.0, 6.0), (50, 255)
SHADOWS = 0.07  # shadow edges that cross a unit square
SHADOW_DEPTH, SHADOW_SOFTNESS, SHADOW_WAVES = (0.15, 0.45), (2.0, 40.0), (0.0, 12.0)

LIGHT_SLOPE = 0.05  # most that brightness changes from the frame's centre to an edge
VIGNETTING = 0.08  # most that the corners lose
BLUR = (0.5, 1.0)  # deviation of the lens's blur
SENSOR_NOISE = (0.002, 0.008)  # deviation, alike in red, green and blue


def draw_surface(rng: np.random.Generator, height: int, width: int) -> Image:
    """Concrete under even light: grain, stains, pores, specks, formwork lines and scratches."""
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
    """Photo (height, width, 3) of a surface: shadows, uneven light, vignetting, blur and noise."""
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
    """Random field of about unit variance whose bumps are `cell` (vertical, horizontal) pixels."""
    rows, columns = (max(2, round(n / c)) for n, c in zip((height, width), cell, strict=True))
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    field = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return field.astype(np.float32, copy=False)


def tint(image: Image, coverage: Field, factor: npt.ArrayLike) -> None:
    """Multiply `image` in place by `factor` (one, or R, G, B) where `coverage` (0..1) is 1."""
    for plane, value in zip(image, np.broadcast_to(factor, 3), strict=True):
        plane *= 1 + np.float32(value - 1) * coverage


def soften(layer: Layer, deviation: float) -> Field:
    """Coverage 0..1 of a drawn layer, its hard edges blurred by `deviation` pixels."""
    soft = cv2.GaussianBlur(layer, (0, 0), deviation).astype(np.float32)
    return soft / np.float32(255)


def fixed_point(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Points as OpenCV takes them with shift=4: in sixteenths of a pixel."""
    return np.round(points * 16).astype(np.int32)


def _base_colour(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    brightness = np.clip(rng.normal(*BRIGHTNESS), DARKEST, PALEST)
    warmth, greenness = rng.normal(*WARMTH), rng.normal(*GREENNESS)
    return brightness + np.array([warmth / 2, greenness, -warmth / 2])


def _grain(rng: np.random.Generator, height: int, width: int) -> Field:
    """Deviation of the grain's brightness from the surface's, as a share of it."""
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
    """Coverage 0..1 of scattered ragged blotches; each range is the least and most of a surface."""
    cell = rng.uniform(*size)
    field = np.zeros((height, width), np.float32)
    for weight, part in ((1.0, 1), (0.5, 3), (0.25, 9)):
        side = max(2.0, cell / part)
        field += np.float32(weight) * smooth_noise(rng, height, width, (side, side))
    field -= np.float32(rng.uniform(*rarity))
    field /= np.float32(rng.uniform(*softness))
    return np.clip(field, 0, 1, out=field)


def _marks(rng: np.random.Generator, height: int, width: int) -> Field:
    """Coverage 0..1 of one kind of mark, sunk or raised: blots, formwork lines and scratches."""
    lines = np.zeros((height, width), np.uint8)
    for _ in range(_crossings(rng, JOINTS / 2, height, width)):
        _draw_joint(rng, lines)
    for _ in range(rng.poisson(SCRATCHES * height * width / UNIT**2)):
        _draw_scratch(rng, lines)
    blots = _blotches(rng, height, width, PORE_SIZE, PORE_RARITY, PORE_SOFTNESS)
    return np.maximum(blots, soften(lines, 0.7))


def _draw_joint(rng: np.random.Generator, layer: Layer) -> None:
    """Draw a straight line right across the frame, as gaps between formwork boards leave it."""
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
    """Coverage 0..1 of a shadow whose slightly wavy edge crosses the frame."""
    angle, (middle_x, middle_y) = rng.uniform(0, 2 * np.pi), rng.uniform(0, (width, height))
    y = (np.arange(height) - middle_y).astype(np.float32)[:, None]
    x = (np.arange(width) - middle_x).astype(np.float32)[None, :]
    depth = np.float32(math.cos(angle)) * x + np.float32(math.sin(angle)) * y
    depth += np.float32(rng.uniform(*SHADOW_WAVES)) * smooth_noise(rng, height, width, (60, 60))
    return np.clip(depth / np.float32(rng.uniform(*SHADOW_SOFTNESS)), 0, 1)


def _crossings(rng: np.random.Generator, rate: float, height: int, width: int) -> int:
    """How many random lines cross the frame, of which `rate` would cross a unit square."""
    return int(rng.poisson(rate * (height + width) / (2 * UNIT)))
