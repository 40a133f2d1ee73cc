"""Cracks as random walks with branches, and drawing them into a concrete surface."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from src.data.drawn.concrete import Image, Layer, fixed_point, smooth_noise, soften, tint

Points = npt.NDArray[np.float64]  # (n, 2) x, y in pixels
Profile = npt.NDArray[np.float64]  # (n,) one value for each point of a line
# Noise of several scales, each with its span in points and its standard deviation.
Scales = tuple[tuple[float, float], ...]

STEP = 2.0  # pixels between two points of a walk
WANDER: Scales = ((150, 0.25), (30, 0.25))  # slow turns of a walk, in radians
JAGS: Scales = ((26, 6.0), (9, 2.6), (3, 0.9))  # sudden turns of a walk, in pixels to the side
SPACING = 600.0  # mean distance between two branches in pixels
FORK = (0.4, 1.2)  # smallest and largest angle between a branch and the trunk, in radians
# A branch's length as a share of the trunk's, and the greatest length in pixels.
BRANCH_LENGTH, LONGEST_BRANCH = (0.1, 0.5), 450.0
BRANCH_WIDTH = (0.25, 0.7)  # a branch's width as a share of the trunk's

# The trunk's median width in pixels, and the standard deviation of the width's logarithm.
MEDIAN_WIDTH, WIDTH_SPREAD = 5.5, 0.8
WIDTHS = (1.6, 36.0)  # smallest and largest width in pixels
SLENDERNESS = 20.0  # smallest ratio of length to width
UNEVEN: Scales = ((25, 0.3), (8, 0.2))  # change of the width's logarithm along a branch
RAGGED: Scales = ((7, 0.28), (2, 0.16))  # chips off each edge, in square roots of the width

# Thin cracks may be faint, and wide cracks are dark. The least darkness rises with the width, from
# FAINTEST to FAINTEST_GAPING at a width of GAPING pixels.
FAINTEST, FAINTEST_GAPING, GAPING = 0.3, 0.75, 12.0
# How much dust and stones brighten the inside of a crack, and their size in pixels.
DUST, DUST_SIZE = 0.12, 12.0

# Factors that the parts of a crack apply to the red, green and blue of the surface.
OPENING = (0.13, 0.125, 0.12)
LEDGE = (0.66, 0.62, 0.57)
LIP = (1.24, 1.24, 1.23)
# Breadth of a branch's ledge or lip, in square roots of the width. The values are its mean and
# standard deviation, its change along the branch, and its maximum.
SPALLING = (0.3, 0.7)
SPALLED: Scales = ((12, 0.7), (3, 0.5))
BROADEST = 4.0


@dataclass(frozen=True)
class Branch:
    """One unforked piece of a crack.

    Attributes:
        points: (n, 2), the points x, y of its centre line in pixels.
        widths: (n,), the width at each point in pixels.
        darkness: from 0 (as bright as the surface) to 1 (as dark as `OPENING`).
    """

    points: Points
    widths: Profile
    darkness: float


def grow_crack(rng: np.random.Generator, middle: Points, length: float) -> list[Branch]:
    """Draw the shape of a crack at random.

    Args:
        rng: the random generator.
        middle: (2,), the point x, y in pixels on which the trunk is centred.
        length: length of the trunk in pixels.

    Returns:
        The branches of the crack, with the trunk last.
    """
    width = float(np.clip(MEDIAN_WIDTH * rng.lognormal(0, WIDTH_SPREAD), *WIDTHS))
    width = min(width, length / SLENDERNESS)
    faintest = np.interp(width, (0, GAPING), (FAINTEST, FAINTEST_GAPING))
    darkness = rng.uniform(faintest, 1)
    heading = rng.uniform(0, 2 * np.pi)
    trunk = _walk(rng, heading, length)
    trunk += middle - trunk[len(trunk) // 2]
    branches = []
    for _ in range(rng.poisson(length / SPACING)):
        aside = heading + rng.choice((-1, 1)) * rng.uniform(*FORK)
        reach = min(length * rng.uniform(*BRANCH_LENGTH), LONGEST_BRANCH)
        points = trunk[rng.integers(len(trunk))] + _walk(rng, aside, reach)
        to_end = np.linspace(1, 0, len(points))
        widths = _widths(rng, width * rng.uniform(*BRANCH_WIDTH), to_end)
        branches.append(Branch(points, widths, darkness))
    to_nearer_end = 1 - np.abs(np.linspace(-1, 1, len(trunk)))
    return [*branches, Branch(trunk, _widths(rng, width, to_nearer_end), darkness)]


def carve(rng: np.random.Generator, image: Image, branches: list[Branch]) -> npt.NDArray[np.bool_]:
    """Draw branches into an image in place; later branches cover earlier ones.

    Args:
        rng: the random generator.
        image: (3, height, width), the surface.
        branches: the branches of all cracks.

    Returns:
        The mask (height, width) of the pixels that the openings cover.
    """
    _, height, width = image.shape
    opening, ledge, lip = (np.zeros((height, width), np.uint8) for _ in range(3))
    for branch in branches:
        _draw(rng, branch, opening, ledge, lip)
    for layer, factor in ((lip, LIP), (ledge, LEDGE), (opening, OPENING)):
        dust = smooth_noise(rng, height, width, (DUST_SIZE, DUST_SIZE))
        coverage = soften(layer, 0.6) * (1 - np.float32(DUST) * np.clip(dust, 0, 2))
        tint(image, coverage, factor)
    return opening > 0


def _draw(
    rng: np.random.Generator, branch: Branch, opening: Layer, ledge: Layer, lip: Layer
) -> None:
    """Draw a dark opening, a sunken ledge on one side and a pale spalled lip on the other."""
    points, count = branch.points, len(branch.points)
    normals = _normals(np.gradient(gaussian_filter1d(points, 3, axis=0), axis=0))
    root = np.sqrt(branch.widths)
    edges = []
    for side in rng.permutation((-1, 1)):
        half = branch.widths / 2 + root * _corners(rng, count, RAGGED)
        edges.append(side * np.maximum(half, branch.widths / 5))
    for layer, edge in zip((ledge, lip), edges, strict=True):
        breadth = rng.normal(*SPALLING) + _corners(rng, count, SPALLED)
        outer = edge + np.sign(edge) * root * np.clip(breadth, 0, BROADEST)
        _fill(layer, points + normals * edge[:, None], points + normals * outer[:, None], 255)
    left, right = (points + normals * edge[:, None] for edge in edges)
    _fill(opening, left, right, int(255 * branch.darkness))


def _fill(layer: Layer, left: Points, right: Points, value: int) -> None:
    """Fill the band between two lines, except where it has no breadth or lies outside the image."""
    quads = np.stack([left[:-1], left[1:], right[1:], right[:-1]], axis=1)
    broad = np.linalg.norm(left - right, axis=1)[1:] > 0.5
    seen = ((quads.max(axis=1) > 0) & (quads.min(axis=1) < layer.shape[::-1])).all(axis=1)
    for quad in fixed_point(quads[broad & seen]):
        cv2.fillConvexPoly(layer, quad, value, shift=4)


def _widths(rng: np.random.Generator, width: float, to_end: Profile) -> Profile:
    """Draw the widths of a branch, which vary around `width` and taper off towards the end.

    Args:
        rng: the random generator.
        width: width of the branch in pixels.
        to_end: (n,), each point's relative distance to the end, from 0 to 1. Tapering begins at
            1/4.
    """
    uneven = np.exp(_corners(rng, len(to_end), UNEVEN))
    return np.maximum(width * np.sqrt(np.clip(4 * to_end, 0, 1)) * uneven, 1)


def _walk(rng: np.random.Generator, heading: float, length: float) -> Points:
    """Draw points that start near the origin and run roughly in the given direction.

    They are about `STEP` pixels apart.
    """
    count = max(8, round(length / STEP))
    headings = heading + _bends(rng, count, WANDER)
    along = np.stack([np.cos(headings), np.sin(headings)], axis=1)
    aside = _corners(rng, count, JAGS)
    return np.cumsum(STEP * along, axis=0) + _normals(along) * aside[:, None]


def _normals(along: Points) -> Points:
    """Return the unit vectors (n, 2) that are perpendicular to the given vectors."""
    normals = np.stack([-along[:, 1], along[:, 0]], axis=1)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _bends(rng: np.random.Generator, count: int, scales: Scales) -> Profile:
    """Draw smooth noise (count,), the sum over all scales."""
    noise = np.zeros(count)
    for span, deviation in scales:
        unit_variance = math.sqrt(2 * math.sqrt(math.pi) * span)
        noise += deviation * unit_variance * gaussian_filter1d(rng.standard_normal(count), span)
    return noise


def _corners(rng: np.random.Generator, count: int, scales: Scales) -> Profile:
    """Draw piecewise linear noise (count,) with corners at random distances, summed over scales."""
    noise = np.zeros(count)
    for span, deviation in scales:
        at = np.cumsum(rng.exponential(span, 2 + math.ceil(2 * count / span)))
        noise += deviation * np.interp(np.arange(count), at - at[0], rng.standard_normal(len(at)))
    return noise
