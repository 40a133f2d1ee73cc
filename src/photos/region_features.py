"""What tells a crack from a joint: numbers that describe a region and the lines in it.

A tile of the network sees a few hundred pixels. A region shows more: whether its line is straight
over its whole length, keeps its width, goes on across the photo, or repeats beside itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from src.photos.centre_lines import length_of
from src.photos.crack_measures import Profiles
from src.photos.regions import Findings, Region

LAG = 12  # points of a line between two headings that are compared
PARALLEL = np.radians(7)  # the greatest angle between two lines that count as parallel
LONGEST_STEP = 24  # points of a line from one heading to the next, for directions
CERTAIN = 1e-5  # probabilities are kept this far from 0 and 1


@dataclass(frozen=True)
class RegionLines:
    """The centre lines in a region, and the profiles across them; both may be empty."""

    lines: list[np.ndarray]
    profiles: Profiles


NO_LINES = RegionLines([], Profiles(*(np.zeros((0, 2)), np.zeros(0)) * 2, np.zeros(0, int)))


def region_features(
    found: Findings, parts: Sequence[tuple[Region, RegionLines]], size: tuple[int, int], patch: int
) -> dict[str, np.ndarray]:
    """Describe the regions of a photo by numbers.

    Args:
        found: the findings on the photo.
        parts: the regions and the lines in them.
        size: the photo's width and height in pixels.
        patch: side of the model's patches in pixels.

    Returns:
        For each feature the values (regions,) float64. They are finite.
    """
    steps = [_steps(part.lines) for _, part in parts]
    rows = [
        {
            **_of_evidence(found, region, len(parts), size),
            **_of_course(part.lines, region, size, patch),
            **_of_directions(number, steps, size),
            **_of_profiles(part.profiles),
        }
        for number, (region, part) in enumerate(parts)
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}


def _of_evidence(
    found: Findings, region: Region, count: int, size: tuple[int, int]
) -> dict[str, float]:
    evidence = found.evidence[found.labels == region.label]
    return {
        "probability": _certain_logit(region.probability),
        "evidence": float(np.clip(evidence.mean(), -20, 20)),
        "peak": float(np.clip(np.percentile(evidence, 95), -20, 20)),
        "area": float(np.log(evidence.size)),
        "regions": float(np.log(count)),
        "candidates": float((found.labels > 0).mean()),
    }


def _of_course(
    lines: Sequence[np.ndarray], region: Region, size: tuple[int, int], patch: int
) -> dict[str, float]:
    """Describe length, straightness, turns and branches of the lines."""
    left, top, right, bottom = region.box
    across = max((right - left) / size[0], (bottom - top) / size[1])
    names = ("length", "straight", "bend", "jagged", "branches", "trunk")
    if not lines:
        return {"across": across, "lines": 0.0, **dict.fromkeys(names, 0.0)}
    longest, lengths = lines[0], [length_of(line) for line in lines]
    chord = longest[-1] - longest[0]
    reach = max(float(np.linalg.norm(chord)), 1.0)
    beside = np.abs((longest - longest[0]) @ np.array([-chord[1], chord[0]])) / reach
    ahead = longest[LAG:] - longest[:-LAG]
    turns = np.diff(np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0])))[:: LAG // 2]
    return {
        "across": across,
        "lines": 1.0,
        "length": float(np.log(sum(lengths) / patch)),
        "straight": reach / lengths[0],
        "bend": float(np.log(1 + np.sqrt(np.mean(beside**2)))),
        "jagged": float(np.sqrt(np.mean(turns**2))) if len(turns) else 0.0,
        "branches": float(np.log1p(100 * (len(lines) - 1) / sum(lengths))),
        "trunk": lengths[0] / sum(lengths),
    }


def _steps(lines: Sequence[np.ndarray]) -> np.ndarray:
    """Return the steps (n, 2) along lines from each LONGEST_STEP-th point to the next."""
    steps = [np.diff(line[:: min(LONGEST_STEP, len(line) - 1)], axis=0) for line in lines]
    return np.concatenate([np.zeros((0, 2)), *steps])


def _of_directions(
    number: int, steps: Sequence[np.ndarray], size: tuple[int, int]
) -> dict[str, float]:
    """Describe how the directions in a region agree with each other and with other regions."""
    own = steps[number]
    others = np.concatenate([np.zeros((0, 2)), *steps[:number], *steps[number + 1 :]])
    density = np.linalg.norm(np.concatenate(steps), axis=1).sum() / np.sqrt(size[0] * size[1])
    length, turned = np.linalg.norm(own, axis=1), np.arctan2(own[:, 1], own[:, 0])
    if not length.sum():
        return {"parallel": 0.0, "twofold": 0.0, "fourfold": 0.0, "density": float(density)}
    order = [abs((length * np.exp(fold * 1j * turned)).sum()) / length.sum() for fold in (2, 4)]
    main = np.angle((length * np.exp(2j * turned)).sum())
    angle = np.arctan2(others[:, 1], others[:, 0])
    aligned = np.abs(np.angle(np.exp(1j * (2 * angle - main)))) < 2 * PARALLEL
    beside = np.linalg.norm(others[aligned], axis=1).sum()
    return {
        "parallel": float(np.log1p(beside / length.sum())),
        "twofold": float(order[0]),
        "fourfold": float(order[1]),
        "density": float(np.log1p(density)),
    }


def _of_profiles(profiles: Profiles) -> dict[str, float]:
    """Describe the width and the brightness across the lines."""
    if not len(profiles.line):
        names = ("width", "uneven", "depth", "patchy", "lopsided")
        return dict.fromkeys(names, 0.0)
    bright = np.maximum(profiles.sides.mean(axis=1), 1.0)
    depth = profiles.depth / bright
    width = profiles.widths
    sides = profiles.sides
    return {
        "width": float(np.log(width.mean())),
        "uneven": float(np.log(width).std()),
        "depth": float(np.clip(depth.mean(), -1, 1)),
        "patchy": float(min(depth.std() / max(abs(depth.mean()), 0.02), 5.0)),
        "lopsided": float(np.mean(np.abs(sides[:, 0] - sides[:, 1]) / bright)),
    }


def _certain_logit(probability: float) -> float:
    return float(logit(np.clip(probability, CERTAIN, 1 - CERTAIN)))
