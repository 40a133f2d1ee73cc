"""The picture while it is drawn, and the strokes that all families of objects share.

Every length is in pixels. Shapes that lie on the wall or floor are laid out on a plane, and a
homography brings their corners into the picture. Grain is drawn in the picture itself.
"""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]  # (3, height, width) red, green, blue: 0 black to 1 white
Field = npt.NDArray[np.float32]  # (height, width)
Layer = npt.NDArray[np.uint8]  # (height, width) coverage that OpenCV draws: 0 none to 255 full
Points = npt.NDArray[np.float64]  # (n, 2) x, y
Palette = tuple[tuple[float, float, float], ...]  # red, green and blue of several colours
Span = tuple[float, float]  # the lowest and the highest value that is drawn

UNIT = 227  # side in pixels of the square that rates refer to
HORIZON = 0.12  # least divisor of a point that the homography brings into the picture
FIXED = 4  # binary digits of a pixel's fraction in coordinates for OpenCV


@dataclass
class Scene:
    """A picture that is being drawn.

    Attributes:
        pixels: (3, height, width), the picture; drawing changes it in place.
        colour: (3,), the mean colour of the ground.
        real: whether the ground is a real picture, which keeps its colour.
        view: (3, 3), the homography from the plane to the picture.
        light: (2,), the unit vector x, y in the picture towards the light.
        scale: how large everything appears; 1 is the scale of METU's patches.
        clear: whether all cracks are wide and dark.
        paths: joints in the picture that a crack may follow.
        beyond: (height, width), from 0 on the ground to 1 beyond its edge.
    """

    pixels: Image
    colour: npt.NDArray[np.float64]
    real: bool
    view: npt.NDArray[np.float64]
    light: npt.NDArray[np.float64]
    scale: float
    clear: bool = False
    paths: list[Points] = field(default_factory=list)
    beyond: Field | None = None

    @property
    def height(self) -> int:
        return self.pixels.shape[1]

    @property
    def width(self) -> int:
        return self.pixels.shape[2]

    @property
    def units(self) -> float:
        """The picture's area in unit squares."""
        return self.height * self.width / UNIT**2

    def layer(self) -> Layer:
        """Return an empty layer of the picture's size."""
        return np.zeros((self.height, self.width), np.uint8)

    def place(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Bring points (..., 2) of the plane into the picture."""
        if not points.size:
            return points
        flat = points.reshape(-1, 1, 2)
        placed = cv2.perspectiveTransform(flat, self.view).reshape(points.shape)
        return placed.astype(np.float64, copy=False)

    def ahead(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell which points (..., 2) of the plane lie well before its horizon."""
        found: npt.NDArray[np.bool_] = points @ self.view[2, :2] + self.view[2, 2] > HORIZON
        return found

    def follow(self, path: Points) -> Points:
        """Bring a line (n, 2) of the plane into the picture; cracks may follow it."""
        placed = self.place(path[self.ahead(path)])
        if len(placed) > 1:
            self.paths.append(placed)
        return placed

    def extent(self) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of the part of the plane that is seen."""
        frame = np.array([[0, 0], [self.width, 0], [self.width, self.height], [0, self.height]])
        seen = cv2.perspectiveTransform(frame[:, None].astype(float), np.linalg.inv(self.view))
        (left, top), (right, bottom) = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
        return float(left), float(top), float(right), float(bottom)

    def project(self, plane: Field, scale: float = 1.0) -> Field:
        """Bring a field of the plane into the picture; outside it goes on as its reflection.

        Args:
            plane: (rows, columns), centred on the middle of the picture.
            scale: pixels between two of the field's values.
        """
        rows, columns = plane.shape
        centre = np.array(
            [
                [scale, 0, (self.width - scale * columns) / 2],
                [0, scale, (self.height - scale * rows) / 2],
                [0, 0, 1],
            ]
        )
        size = (self.width, self.height)
        return cv2.warpPerspective(
            plane, self.view @ centre, size, borderMode=cv2.BORDER_REFLECT
        ).astype(np.float32, copy=False)


def spread(rng: np.random.Generator, span: Span) -> float:
    """Draw from a span so that all ratios are equally likely."""
    return float(math.exp(rng.uniform(math.log(span[0]), math.log(span[1]))))


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
    noise = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return noise.astype(np.float32, copy=False)


def fractal_noise(
    rng: np.random.Generator,
    height: int,
    width: int,
    cell: tuple[float, float],
    deviations: tuple[float, ...],
) -> Field:
    """Draw the sum of fields (height, width), each with bumps twice as large as the one before.

    Args:
        rng: the random generator.
        height: height of the field in pixels.
        width: width of the field in pixels.
        cell: vertical and horizontal size of the smallest bumps in pixels.
        deviations: the standard deviation of each field, the smallest bumps first.
    """
    noise: Field = np.zeros((1, 1), np.float32)
    for octave in reversed(range(len(deviations))):
        size = [
            max(2, math.ceil(n / c / 2**octave)) for n, c in zip((height, width), cell, strict=True)
        ]
        coarser = cv2.resize(noise, size[::-1], interpolation=cv2.INTER_LINEAR)
        finer = np.float32(deviations[octave]) * rng.standard_normal(size, dtype=np.float32)
        noise = finer + coarser.astype(np.float32, copy=False)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def tint(image: Image, coverage: Field, factor: npt.ArrayLike) -> None:
    """Multiply an image in place by a factor, as far as `coverage` goes.

    Args:
        image: (3, height, width).
        coverage: (height, width), from 0 (unchanged) to 1 (multiplied by the whole factor).
        factor: one factor, or one for each of red, green and blue.
    """
    part = box(coverage)
    covered = coverage[part]
    for plane, value in zip(image, np.broadcast_to(factor, 3), strict=True):
        plane[part] *= 1 + np.float32(value - 1) * covered


def paint(image: Image, coverage: Field, colour: npt.ArrayLike) -> None:
    """Cover an image in place with a colour, as far as `coverage` goes.

    Args:
        image: (3, height, width).
        coverage: (height, width), from 0 (unchanged) to 1 (the colour alone).
        colour: one brightness, or one for each of red, green and blue.
    """
    part = box(coverage)
    covered = coverage[part]
    for plane, value in zip(image, np.broadcast_to(colour, 3), strict=True):
        plane[part] += covered * (np.float32(value) - plane[part])


def box(coverage: npt.NDArray[np.generic]) -> tuple[slice, slice]:
    """Return the rows and columns between which a coverage is not 0."""
    rows, columns = (np.flatnonzero(coverage.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def soften(layer: Layer, deviation: float) -> Field:
    """Return a drawn layer as coverage from 0 to 1, with its edges blurred.

    Args:
        layer: (height, width) uint8.
        deviation: standard deviation of the blur in pixels.
    """
    soft = blurred(layer.astype(np.float32), deviation)
    soft *= np.float32(1 / 255)
    return soft


def blurred(values: Field, deviation: float) -> Field:
    """Blur a field; a wide blur is computed on a smaller copy, which looks the same."""
    fewer = int(deviation // 4) + 1
    if fewer == 1:
        return cv2.GaussianBlur(values, (0, 0), deviation).astype(np.float32, copy=False)
    height, width = values.shape
    size = (max(1, width // fewer), max(1, height // fewer))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), deviation / fewer)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def shifted(values: Field, offset: npt.ArrayLike) -> Field:
    """Move a field by whole pixels x, y; what enters at a border is the field as it was."""
    height, width = values.shape
    x, y = np.rint(np.clip(offset, (-width, -height), (width, height))).astype(int)
    moved = values.copy()
    moved[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)] = values[
        max(-y, 0) : height + min(-y, 0), max(-x, 0) : width + min(-x, 0)
    ]
    return moved


def emboss(scene: Scene, relief: Field, strength: float, reach: float = 1.0) -> None:
    """Light a relief: edges that face the light become brighter, and the others darker.

    Args:
        scene: the scene to change.
        relief: (height, width), the height of the surface, about 0 to 1.
        strength: relative change of brightness at a step of height 1.
        reach: width of the lit and the dark edge in pixels.
    """
    step = np.round(scene.light * max(reach, 1.0))
    slope = relief - shifted(relief, -step)
    slope *= np.float32(strength)
    slope += 1
    np.maximum(slope, np.float32(0.15), out=slope)
    scene.pixels *= slope


def fixed_point(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Convert points from pixels to sixteenths of a pixel, as OpenCV expects them with shift=4."""
    limited = np.clip(points, -20_000, 120_000)
    return np.round(limited * 2**FIXED).astype(np.int32)


def fill(layer: Layer, outline: Points, value: int = 255) -> None:
    """Fill the area inside an outline (n, 2) in pixels."""
    cv2.fillPoly(layer, [fixed_point(outline)], value, cv2.LINE_AA, shift=FIXED)


def stroke(layer: Layer, points: Points, thickness: float, value: int = 255) -> None:
    """Draw a line (n, 2) of a constant thickness in pixels."""
    thick = max(1, round(thickness))
    cv2.polylines(layer, [fixed_point(points)], False, value, thick, cv2.LINE_AA, shift=FIXED)


def ribbon(points: Points, widths: npt.NDArray[np.float64] | float) -> Points:
    """Return the outline (2 n, 2) of a line of changing width."""
    along = np.gradient(points, axis=0)
    normals = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    aside = normals * np.broadcast_to(np.asarray(widths) / 2, len(points))[:, None]
    return np.concatenate([points + aside, (points - aside)[::-1]])
