"""Finding the points on the centre lines of dark lines, in the pixels of a photo.

A dark line is a valley of the brightness. Across it the second derivative is large, and along it
small (Steger 1998, doi 10.1109/34.659930). Sato et al. 1998 (doi 10.1016/S1361-8415(98)80009-1)
take the largest response over several widths. scikit-image's `sato` does so as well, but it takes
0.3 s for a megapixel and a width. OpenCV's derivatives take a tenth of this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from src.photos.reading import crop

BLOCK = 256  # side of the blocks that are searched, in pixels
# Pixels around a block that are computed as well: a multiple of the coarsest level's pixel.
HALO = 24
SIGMA = 1.25  # standard deviation of the smoothing at each level, in pixels of the level
LEVELS = 4  # levels of the pyramid; each has half the pixels of the one before along a side
ENOUGH = 50  # points outside the regions that tell the texture of a block
FINEST = 0.5  # the least strength of a texture, in grey levels
AROUND = 3.0  # standard deviation of the mean of the surroundings, in pixels of the coarsest level


@dataclass(frozen=True)
class CentrePoints:
    """Points on the centre lines of dark lines.

    Attributes:
        places: (n, 2) float32, the x and y of the points in pixels of the photo.
        strength: (n,) float32, above 0: how dark the line is, as a multiple of what lines in the
            texture around the regions are.
        label: (n,) int32, the label of the region that a point lies in.
    """

    places: np.ndarray
    strength: np.ndarray
    label: np.ndarray


def centre_points(
    photo: Image.Image, labels: np.ndarray, first: float, step: float
) -> CentrePoints:
    """Find the points on centre lines of dark lines within regions.

    Args:
        photo: the RGB photo.
        labels: (rows, columns) int32, the label of the region at each point of a grid; 0: none.
        first: position of labels[0, 0] along both axes, in pixels of the photo.
        step: distance of two points of the grid, in pixels of the photo.
    """
    found = [
        _points_of_block(photo, left, top, labels, first, step)
        for left, top in _blocks(photo.size, labels, first, step)
    ]
    if not found:
        none = np.zeros(0, np.float32)
        return CentrePoints(none.reshape(0, 2), none, none.astype(np.int32))
    kept = [points.label > 0 for points in found]
    parts = [
        (points.places[inside], points.strength[inside] / texture, points.label[inside])
        for points, inside, texture in zip(found, kept, _textures(found), strict=True)
    ]
    return CentrePoints(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def line_strength(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute how strongly each pixel looks like the middle of a dark line.

    Args:
        grey: (height, width) float32. Both sides are multiples of 2 ** (LEVELS - 1).

    Returns:
        The strength (height, width) float32 in grey levels, the largest one over the widths. The
        second array has the direction across the line in eighths of a full turn, 0 to 3.
    """
    levels = [grey]
    while len(levels) < LEVELS:
        half = cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        levels.append(half)
    around: np.ndarray = cv2.GaussianBlur(levels[-1], (0, 0), AROUND)
    best, across = np.zeros_like(around), np.zeros_like(around)
    for level in reversed(levels):
        size = level.shape[::-1]
        around, best = (cv2.resize(one, size) for one in (around, best))
        across = cv2.resize(across, size, interpolation=cv2.INTER_NEAREST)
        smooth = cv2.GaussianBlur(level, (0, 0), SIGMA)
        xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, *order) for order in ((2, 0), (0, 2), (1, 1)))
        half, middle = (xx - yy) / 2, (xx + yy) / 2
        root, twice = cv2.cartToPolar(half, xy)
        # The curvature across the line, less that along it. A Sobel filter multiplies it by 4.
        strength = (middle + root - np.abs(middle - root)) * (SIGMA**2 / 4)
        # A bright rim has valleys beside it, which are no darker than their surroundings.
        strength = np.minimum(strength, around - smooth)
        better = strength > best
        np.copyto(best, strength, where=better)
        np.copyto(across, twice, where=better)
    return best, np.rint(across * (2 / np.pi)).astype(np.uint8) % 4


def _blocks(
    size: tuple[int, int], labels: np.ndarray, first: float, step: float
) -> Iterator[tuple[int, int]]:
    """Return the left and top of the blocks that a region reaches into."""
    rows, columns = np.nonzero(labels)
    x, y = (np.rint(first + step * n).astype(int) for n in (columns, rows))
    reach = int(np.ceil(step / 2))
    width, height = size
    touched = np.zeros((-(-width // BLOCK), -(-height // BLOCK)), bool)
    for dx in (-reach, reach):
        for dy in (-reach, reach):
            inside = (x + dx >= 0) & (x + dx < width) & (y + dy >= 0) & (y + dy < height)
            touched[(x[inside] + dx) // BLOCK, (y[inside] + dy) // BLOCK] = True
    return ((int(BLOCK * across), int(BLOCK * down)) for across, down in np.argwhere(touched))


def _points_of_block(
    photo: Image.Image, left: int, top: int, labels: np.ndarray, first: float, step: float
) -> CentrePoints:
    """Return a block's points, with the strength in grey levels. Outside regions the label is 0."""
    side = BLOCK + 2 * HALO
    pixels = crop(photo, left - HALO, top - HALO, side, side)
    strength, across = line_strength(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32))
    kept = slice(HALO, -HALO)
    peak = _peaks(strength, across)[kept, kept]
    peak[photo.height - top :], peak[:, photo.width - left :] = False, False
    y, x = np.nonzero(peak)
    rows, columns = (np.rint((n - first) / step).astype(int) for n in (y + top, x + left))
    rows, columns = np.clip(rows, 0, len(labels) - 1), np.clip(columns, 0, labels.shape[1] - 1)
    places = np.stack([x + left, y + top], axis=1).astype(np.float32)
    return CentrePoints(places, strength[kept, kept][y, x], labels[rows, columns].astype(np.int32))


def _textures(blocks: Sequence[CentrePoints]) -> list[float]:
    """Return the strength of each block's texture in grey levels, from the points outside regions.

    A crack may fill a block. Such a block has the median texture of the other blocks.
    """
    outside = [points.strength[points.label == 0] for points in blocks]
    told = [np.median(plain) for plain in outside if len(plain) >= ENOUGH]
    everywhere = np.concatenate([points.strength for points in blocks])
    others = np.median(told or everywhere) if len(everywhere) else FINEST
    medians = [np.median(plain) if len(plain) >= ENOUGH else others for plain in outside]
    return [max(float(median), FINEST) for median in medians]


def _peaks(strength: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return the pixels (height, width) bool that are stronger than both neighbours across."""
    peaks = np.zeros(strength.shape, bool)
    here = strength[1:-1, 1:-1]
    for eighth, (down, right) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        height, width = strength.shape
        one = strength[1 + down : height - 1 + down, 1 + right : width - 1 + right]
        other = strength[1 - down : height - 1 - down, 1 - right : width - 1 - right]
        peaks[1:-1, 1:-1] |= (across[1:-1, 1:-1] == eighth) & (here >= one) & (here > other)
    return peaks & (strength > 0)
