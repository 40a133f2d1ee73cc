"""Finding the cracked regions of a photo from its scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from src.photos.crack_measures import CrackMeasures
from src.photos.scoring import Scores, tile_means

FINER = 4  # number of points of the outlines' grid for each cell, along a side
# The evidence is clipped to this logit for outlines. Otherwise a strong cell would push the outline
# into its neighbours.
CLEAR = 5.0


@dataclass(frozen=True)
class Region:
    """A connected cracked region of a photo.

    Attributes:
        box: left, top, right and bottom in pixels of the photo. Right and bottom are excluded.
        outline: (n, 2) int32, the x and y of the outline's points in pixels of the photo.
        share: the region's share of the photo's area, 0 to 1.
        probability: the highest probability of a tile that covers a part of the region, 0 to 1.
        label: the region's number in `Findings.labels`.
        crack: the measures of the crack in the region. None if they were not taken, or if no dark
            line stands out there.
    """

    box: tuple[int, int, int, int]
    outline: np.ndarray
    share: float
    probability: float
    label: int
    crack: CrackMeasures | None = None


@dataclass(frozen=True)
class Findings:
    """The findings on one photo.

    Attributes:
        probability: that the photo has a crack, 0 to 1: the highest of a tile, or by a rule.
        cracked: whether the probability is at or above the threshold.
        share: the share of the photo's area that the regions cover, 0 to 1.
        regions: the regions, in no order.
        tiles: number of tiles that were scored, at all scales.
        cracked_tiles: number of tiles at or above the threshold. None if a rule judges the photo,
            as it has no threshold for tiles.
        heat: (rows, columns) float32, 0 to 1, one value every `step` pixels.
        evidence: (rows, columns) float32, the highest evidence of the scales, on the same grid.
        labels: (rows, columns) int32, the label of the region at each value of `heat`; 0: none.
        first: position of heat[0, 0] along both axes, in pixels of the photo.
        step: distance of two values of `heat`, in pixels of the photo.
        by_rule: whether a rule for photographs has judged, and not the likeliest tile.
    """

    probability: float
    cracked: bool
    share: float
    regions: list[Region]
    tiles: int
    cracked_tiles: int | None
    heat: np.ndarray
    evidence: np.ndarray
    labels: np.ndarray
    first: float
    step: float
    by_rule: bool = False


def find_cracks(scores: Sequence[Scores], *, width: int, height: int, threshold: float) -> Findings:
    """Find the cracked regions of one photo.

    A cell belongs to a region if its evidence is positive and its group of cells makes a tile
    cracked; see `standing`. The heat of a cell is the product of two numbers. One is its evidence
    as a share of the photo's strongest evidence. The other is the highest probability of the tiles
    that cover the cell.

    Args:
        scores: the scores of the photo at one or several scales. A coarser scale only adds regions
            that do not touch those of finer scales. The photo's probability is the highest of all.
        width: width of the photo in pixels.
        height: height of the photo in pixels.
        threshold: probability from which a tile is cracked, 0 to 1.
    """
    scores = sorted(scores, key=lambda one: one.step)
    first, step = scores[0].first, scores[0].step / FINER
    grid = int(-(-width // step)) + 1, int(-(-height // step)) + 1
    mask = np.zeros(grid[::-1], np.uint8)
    heat, nearby, evidence = (np.full(grid[::-1], low, np.float32) for low in (0, 0, -np.inf))
    for one in scores:
        around = one.nearby()
        lit = np.maximum(one.evidence, 0) * around / max(one.evidence.max(), 1e-6)
        certain = np.where(standing(one, threshold), np.clip(one.evidence, -CLEAR, CLEAR), -CLEAR)
        fields = (certain, lit, around, one.evidence)
        inside, lit, around, strong = (_resampled(f, one, first, step, grid) for f in fields)
        new = cv2.dilate((inside > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
        if one is not scores[0]:
            new = _untouched(new, mask)
            lit *= new
        mask |= new
        np.maximum(heat, lit, out=heat)
        np.maximum(evidence, strong, out=evidence)
        np.maximum(nearby, around, out=nearby)
    regions, labels = _regions(mask, nearby, first, step, width, height)
    probability = max(float(one.probability.max()) for one in scores)
    return Findings(
        probability=probability,
        cracked=probability >= threshold,
        share=min(1.0, sum(region.share for region in regions)),
        regions=sorted(regions, key=lambda region: (-region.probability, -region.share)),
        tiles=sum(one.probability.size for one in scores),
        cracked_tiles=sum(int((one.probability >= threshold).sum()) for one in scores),
        heat=heat,
        evidence=evidence,
        labels=labels,
        first=first,
        step=step,
    )


def standing(scores: Scores, threshold: float) -> np.ndarray:
    """Find the groups of cells that alone bring a tile to the threshold.

    All tiles over a crack are cracked, so specks beside the crack would count as well. A group of
    cells therefore counts only if it makes a tile cracked without the other groups. For this test,
    the positive evidence of the other groups is set to 0. If no group passes, all groups count.

    Args:
        scores: the scores of a photo at one scale.
        threshold: probability from which a tile is cracked, 0 to 1.

    Returns:
        The cells (rows, columns) bool of the groups that count.
    """
    candidates = (scores.evidence > 0) & (scores.nearby() >= threshold)
    count, labels = cv2.connectedComponents(candidates.astype(np.uint8), connectivity=8)
    against = np.minimum(scores.evidence, 0)
    alone = np.zeros(count, bool)
    for group in range(1, count):
        logits = tile_means(np.where(labels == group, scores.evidence, against), scores.cells)
        alone[group] = logits.max() >= np.log(threshold / (1 - threshold))
    return alone[labels] if alone.any() else candidates


def _untouched(new: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the connected parts of `new` that do not meet `mask`."""
    count, labels = cv2.connectedComponents(new, connectivity=8)
    alone = np.ones(count, bool)
    alone[0] = False
    alone[np.unique(labels[mask > 0])] = False
    return alone[labels].astype(np.uint8)


def _resampled(
    field: np.ndarray, scores: Scores, first: float, step: float, grid: tuple[int, int]
) -> np.ndarray:
    """Interpolate a field of one scale linearly on the common grid (columns, rows)."""
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
) -> tuple[list[Region], np.ndarray]:
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
        if count > 2 and (left, top, right, bottom) == (0, 0, width, height):
            # This box would stand for all regions in a person's corrections; see `in_force`.
            right -= 1
        regions.append(
            Region(
                box=(left, top, right, bottom),
                outline=outline.astype(np.int32),
                share=min(points * step**2, (right - left) * (bottom - top)) / (width * height),
                probability=float(nearby[y : y + h, x : x + w][part].max()),
                label=label,
            )
        )
    return regions, labels
