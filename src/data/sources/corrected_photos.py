"""Photographs whose findings a person has corrected, from which windows are cut."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from src.config.source_schema import CorrectedPhotos
from src.data.corrections import CORRECTIONS, MISSED, Correction, in_force, read_corrections
from src.data.dataset import Collected, Origin
from src.data.sources.colour_pictures import UnusableImage, read_upright
from src.data.sources.windowed_photos import WindowedPhoto, write_windows
from src.data.sources.windows import CRACK_FREE, CRACKED, Square, Window, whole_window
from src.errors import InputError

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class CorrectionsSource:
    """A folder with corrections.csv; see docs/app.md.

    Attributes:
        data: the settings of the dataset.
    """

    data: CorrectedPhotos

    @property
    def name(self) -> str:
        return f"corrections {Path(self.data.path).name}"

    def state(self, classes: object) -> str | None:
        return state_of_corrections(Path(self.data.path))

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        """Cut windows from the corrected boxes, and write them to `staging/<class>/<file>`.

        Args:
            staging: an empty folder.
            classes: the class names.

        Raises:
            InputError: the folder has no corrections, or a row of them is none.
        """
        data, folder = self.data, Path(self.data.path)
        of_file: dict[str, list[Correction]] = {}
        for one in read_corrections(folder):
            of_file.setdefault(one.file, []).append(one)
        if not of_file:
            raise InputError(f"{folder / CORRECTIONS} is missing or has no corrections")
        photos = [
            WindowedPhoto(
                file.strip("/").replace("/", "-").replace("\\", "-"),
                Origin(file),
                partial(_cut, folder / file, said, data),
            )
            for file, said in of_file.items()
        ]
        return write_windows(photos, staging, classes, quality=data.windows.quality, seed=data.seed)


def state_of_corrections(folder: Path) -> str | None:
    """Compute a SHA-256 (hex) of corrections.csv, and of the size and time of its photos.

    Returns:
        The checksum, or None without corrections.csv.

    Raises:
        InputError: a row of corrections.csv is not a correction.
    """
    table = folder / CORRECTIONS
    if not table.is_file():
        return None
    digest = hashlib.sha256(table.read_bytes())
    for name in sorted({one.file for one in read_corrections(folder)}):
        if (photo := folder / name).is_file():
            stat = photo.stat()
            digest.update(os.fsencode(f"{name} {stat.st_size} {stat.st_mtime_ns}\n"))
    return digest.hexdigest()


def cracked_squares(box: Box, shape: tuple[int, int], smallest: float) -> list[Square]:
    """Cover a cracked box by squares along its longer side.

    The squares are as large as the box's shorter side. So a crack that runs from one end of the
    box to the other is in each of them. A smaller box lies in the middle of its squares.

    Args:
        box: left, top, right and bottom of the box in pixels.
        shape: height and width of the photograph in pixels.
        smallest: the smallest side of a square in pixels.
    """
    left, top, right, bottom = box
    side = _allowed(max(smallest, min(right - left, bottom - top)), shape)
    count = max(1, -(-max(right - left, bottom - top) // side))
    xs, ys = _spread(left, right, side, count), _spread(top, bottom, side, count)
    return [_inside(x, y, side, shape) for x, y in zip(xs, ys, strict=True)]


def _spread(start: int, end: int, side: int, count: int) -> np.ndarray:
    """Return the starts of squares between two ends, or around them if a square is longer."""
    if side >= end - start:
        return np.full(count, (start + end - side) / 2)
    return np.linspace(start, end - side, count)


def crack_free_square(
    box: Box, shape: tuple[int, int], sides: tuple[float, float], rng: np.random.Generator
) -> Square:
    """Choose a square at random within a crack-free box, or around a box that is too small.

    Args:
        box: left, top, right and bottom of the box in pixels.
        shape: height and width of the photograph in pixels.
        sides: the smallest and the largest side of a square in pixels.
        rng: the random numbers.
    """
    left, top, right, bottom = box
    drawn = np.exp(rng.uniform(*np.log(sides)))
    side = _allowed(max(sides[0], min(drawn, right - left, bottom - top)), shape)
    x, y = (float(rng.uniform(first, last)) for first, last in _corners(box, side))
    return _inside(x, y, side, shape)


def _corners(box: Box, side: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first and last x, and the first and last y, at which a square fits a box."""
    left, top, right, bottom = box
    x, y = sorted((left, right - side)), sorted((top, bottom - side))
    return (x[0], x[1]), (y[0], y[1])


def _allowed(side: float, shape: tuple[int, int]) -> int:
    return int(min(round(side), *shape))


def _inside(x: float, y: float, side: int, shape: tuple[int, int]) -> Square:
    height, width = shape
    return Square(int(np.clip(y, 0, height - side)), int(np.clip(x, 0, width - side)), side)


def _cut(
    image: Path, said: Sequence[Correction], data: CorrectedPhotos, rng: np.random.Generator
) -> list[Window]:
    pixels, rule = read_upright(image), data.windows
    height, width = shape = pixels.shape[:2]
    if any(one.box[2] > width or one.box[3] > height for one in said):
        raise UnusableImage(f"a corrected box lies outside of its {width} x {height} pixels")
    said, whole = in_force(said, width, height), (0, 0, width, height)
    # Somewhere in a photo that is marked as a whole there is a crack, but nobody knows where. A
    # missed crack that a person has drawn around the whole photo is a box as any other.
    cracked = [one.box for one in said if one.cracked and (one.box != whole or one.label == MISSED)]
    free = [one.box for one in said if not one.cracked]
    sides = data.image_size / rule.scales[1], data.image_size / rule.scales[0]
    along = [square for box in cracked for square in cracked_squares(box, shape, sides[0])]
    # Both classes have the same sizes, so that a window's scale does not tell its label.
    largest = max([sides[1], *(square.side for square in along)])
    drawn = [
        crack_free_square(free[rng.integers(len(free))], shape, (sides[0], largest), rng)
        for _ in range(rule.tries * rule.crack_free if free else 0)
    ]
    clear = [square for square in drawn if not any(_meet(square, box) for box in cracked)]
    shuffled = [along[number] for number in rng.permutation(len(along))]
    taken: list[Square] = []
    windows = []
    for label, squares, most in (
        (CRACKED, shuffled, rule.cracked),
        (CRACK_FREE, clear, rule.crack_free),
    ):
        for square in _apart(squares, taken, most, rule.overlap):
            windows.append(whole_window(square.part_of(pixels), label, data.image_size))
    return windows


def _apart(
    squares: Sequence[Square], taken: list[Square], most: int, overlap: float
) -> list[Square]:
    """Choose squares that share little with each other and with those in `taken`, and add them."""
    chosen: list[Square] = []
    for square in squares:
        if len(chosen) < most and all(square.shared_with(one) <= overlap for one in taken):
            chosen.append(square)
            taken.append(square)
    return chosen


def _meet(square: Square, box: Box) -> bool:
    left, top, right, bottom = box
    across = square.left < right and left < square.left + square.side
    return across and square.top < bottom and top < square.top + square.side
