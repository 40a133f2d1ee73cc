"""Cutting windows from photographs with masks of their cracks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

# Otherwise drawn windows would count as others whenever a setting of any source is added.
if TYPE_CHECKING:
    from src.config.source_schema import Windows

CRACK_FREE, CRACKED = 0, 1


@dataclass(frozen=True)
class Square:
    """A square in a photograph: its upper left corner and its side, in pixels."""

    top: int
    left: int
    side: int

    def part_of(self, picture: np.ndarray) -> np.ndarray:
        """Return the part (height, width, …) of a picture. Beyond the border nothing is added."""
        rows = slice(max(0, self.top), max(0, self.top + self.side))
        return picture[rows, max(0, self.left) : max(0, self.left + self.side)]

    def grown(self, pixels: int) -> "Square":
        """Return the square with this many pixels more on each side."""
        return Square(self.top - pixels, self.left - pixels, self.side + 2 * pixels)

    def shared_with(self, other: "Square") -> float:
        """Return the share of the smaller square's area that lies in both squares, 0 to 1."""
        lengths = [
            min(one + self.side, two + other.side) - max(one, two)
            for one, two in ((self.top, other.top), (self.left, other.left))
        ]
        return max(0, lengths[0]) * max(0, lengths[1]) / min(self.side, other.side) ** 2


@dataclass(frozen=True)
class Window:
    """A square part of a photograph.

    Attributes:
        label: `CRACK_FREE` or `CRACKED`.
        pixels: (size, size, 3) uint8.
    """

    label: int
    pixels: np.ndarray


def cut_windows(
    pixels: np.ndarray,
    mask: np.ndarray,
    rule: "Windows",
    *,
    image_size: int,
    rng: np.random.Generator,
) -> list[Window]:
    """Cut windows of both classes at random places and scales.

    Args:
        pixels: (height, width, 3) uint8, the photograph.
        mask: (height, width) bool, True on a crack.
        rule: the number of windows, their scales, and what their labels are.
        image_size: height and width of a window in pixels.
        rng: the random numbers.

    Returns:
        The cracked windows, and then the crack-free ones. There are fewer of a class than asked for
        if no more places are found.
    """
    cracks = np.argwhere(mask)
    taken: list[Square] = []
    windows = []
    for label, count in ((CRACKED, rule.cracked), (CRACK_FREE, rule.crack_free)):
        if label == CRACKED and not len(cracks):
            continue
        for _ in range(count):
            place = _find_square(label, mask, cracks, taken, rule, image_size, rng)
            if place is None:
                break
            taken.append(place)
            windows.append(whole_window(place.part_of(pixels), label, image_size))
    return windows


def whole_window(pixels: np.ndarray, label: int, image_size: int) -> Window:
    """Make a window of a whole picture, which is resized; its aspect ratio is not kept.

    Args:
        pixels: (height, width, 3) uint8.
        label: see `Window`.
        image_size: height and width of the window in pixels.
    """
    if pixels.shape[:2] != (image_size, image_size):
        smaller = min(pixels.shape[:2]) > image_size
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        pixels = cv2.resize(pixels, (image_size, image_size), interpolation=how)
    return Window(label, pixels)


def label_at(mask: np.ndarray, place: Square, rule: "Windows") -> int | None:
    """Return the label of a window at a place, or None if it is neither clearly one nor the other.

    Args:
        mask: (height, width) bool, True on a crack.
        place: the window's place.
        rule: see conf/shared/windows.yaml.
    """
    rim = round(place.side * (1 - rule.central) / 2)
    if _longest_piece(place.grown(-rim).part_of(mask)) >= rule.length * place.side:
        return CRACKED
    if not place.grown(round(rule.margin * place.side)).part_of(mask).any():
        return CRACK_FREE
    return None


def _find_square(
    label: int,
    mask: np.ndarray,
    cracks: np.ndarray,
    taken: Sequence[Square],
    rule: "Windows",
    image_size: int,
    rng: np.random.Generator,
) -> Square | None:
    for _ in range(rule.tries):
        near = cracks if label == CRACKED else None
        place = _random_square(mask.shape, near, rule, image_size, rng)
        apart = all(place.shared_with(other) <= rule.overlap for other in taken)
        if apart and label_at(mask, place, rule) == label:
            return place
    return None


def _random_square(
    shape: tuple[int, ...],
    cracks: np.ndarray | None,
    rule: "Windows",
    image_size: int,
    rng: np.random.Generator,
) -> Square:
    """Draw a scale and a place, anywhere or so that a random pixel of a crack is in the centre."""
    height, width = shape
    scale = np.exp(rng.uniform(*np.log(rule.scales)))
    side = min(round(image_size / scale), height, width)
    if cracks is None:
        return Square(rng.integers(height - side + 1), rng.integers(width - side + 1), side)
    offsets = side * (0.5 + rule.central * rng.uniform(-0.5, 0.5, 2))
    top, left = (cracks[rng.integers(len(cracks))] - offsets).astype(int)
    return Square(int(np.clip(top, 0, height - side)), int(np.clip(left, 0, width - side)), side)


def _longest_piece(mask: np.ndarray) -> float:
    """Return the length of the longest connected piece: the diagonal of the box around it."""
    if not mask.any():
        return 0.0
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    sides = boxes[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    return float(np.hypot(*sides.T).max())
