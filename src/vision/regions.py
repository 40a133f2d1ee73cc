"""From scores to what a person asks: where the cracks are, and how much of the photo they take."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from src.vision.scoring import Scores

FINER = 4  # outlines are drawn on a grid this much finer than the map's


@dataclass(frozen=True)
class Region:
    """One connected cracked place.

    Attributes:
        box: left, top, right, bottom in pixels of the photo, right and bottom excluded.
        outline: (n, 2) int32 x, y in pixels of the photo.
        share: of the photo's area, 0 to 1.
        probability: the highest of a tile over it.
    """

    box: tuple[int, int, int, int]
    outline: np.ndarray
    share: float
    probability: float


@dataclass(frozen=True)
class Findings:
    """What one photo shows.

    Attributes:
        probability: the highest of its tiles; at or above the threshold the photo is cracked.
        cracked: the verdict.
        share: of the photo's area that the regions take, 0 to 1.
        regions: the most likely first.
        tiles: how many were scored.
        cracked_tiles: of them at or above the threshold.
        heat: (rows, columns) float32 0 to 1, one value each `step` pixels.
        first: the pixel, along either axis, on which heat[0, 0] lies.
        step: pixels of the photo.
    """

    probability: float
    cracked: bool
    share: float
    regions: list[Region]
    tiles: int
    cracked_tiles: int
    heat: np.ndarray
    first: float
    step: float


def find_cracks(scores: Sequence[Scores], *, width: int, height: int, threshold: float) -> Findings:
    """Join one photo's scores at one or several scales; where they differ the higher one counts.

    A place belongs to a crack where its own evidence is positive and a tile over it is at or above
    the threshold. Heat is the evidence times the highest probability of a tile over it, as a share
    of the photo's strongest evidence.

    Args:
        scores: of the photo.
        width: of the photo in pixels.
        height: of the photo in pixels.
        threshold: probability from which a tile is cracked.
    """
    finest = min(scores, key=lambda one: one.step)
    first, step = finest.first, finest.step / FINER
    shape = -(-height // step) + 1, -(-width // step) + 1
    grid = int(shape[1]), int(shape[0])
    heat = np.zeros(grid[::-1], np.float32)
    certain = np.full(grid[::-1], -1, np.float32)
    nearby = np.zeros(grid[::-1], np.float32)
    for one in scores:
        around = one.nearby()
        over = around >= threshold
        lit = np.maximum(one.evidence, 0) * around / max(one.evidence.max(), 1e-6)
        inside = np.where(over, np.clip(one.evidence, -CLEAR, CLEAR), -CLEAR)
        for field, target in ((lit, heat), (inside, certain), (around, nearby)):
            np.maximum(target, _resampled(field, one, first, step, grid), out=target)
    mask = cv2.dilate((certain > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    regions = _regions(mask, nearby, first, step, width, height)
    probability = max(float(one.probability.max()) for one in scores)
    return Findings(
        probability=probability,
        cracked=probability >= threshold,
        share=min(1.0, sum(region.share for region in regions)),
        regions=sorted(regions, key=lambda region: (-region.probability, -region.share)),
        tiles=sum(one.probability.size for one in scores),
        cracked_tiles=sum(int((one.probability >= threshold).sum()) for one in scores),
        heat=heat,
        first=first,
        step=step,
    )


# Evidence beyond which a cell's weight in an outline no longer grows, so that one strong cell does
# not push the outline into its neighbours.
CLEAR = 5.0


def _resampled(
    field: np.ndarray, scores: Scores, first: float, step: float, grid: tuple[int, int]
) -> np.ndarray:
    """The field of one scale on the common grid (columns, rows), linear between cells."""
    ratio = step / scores.step
    offset = (first - scores.first) / scores.step
    to_field = np.array([[ratio, 0, offset], [0, ratio, offset]])
    return cv2.warpAffine(
        field.astype(np.float32),
        to_field,
        grid,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _regions(
    mask: np.ndarray, nearby: np.ndarray, first: float, step: float, width: int, height: int
) -> list[Region]:
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    regions = []
    for label in range(1, count):
        x, y, w, h, points = (int(n) for n in boxes[label])
        part = labels[y : y + h, x : x + w] == label
        contours, _ = cv2.findContours(
            part.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y)
        )
        largest = max(contours, key=len)[:, 0, :]
        outline = np.clip(np.rint(first + step * largest), 0, (width - 1, height - 1))
        left, top = (max(0, round(first + step * (n - 0.5))) for n in (x, y))
        right = min(width, round(first + step * (x + w - 0.5)))
        bottom = min(height, round(first + step * (y + h - 0.5)))
        if right <= left or bottom <= top:
            continue
        regions.append(
            Region(
                box=(left, top, right, bottom),
                outline=outline.astype(np.int32),
                share=min(points * step**2, (right - left) * (bottom - top)) / (width * height),
                probability=float(nearby[y : y + h, x : x + w][part].max()),
            )
        )
    return regions
