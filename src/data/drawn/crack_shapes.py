"""Growing the shapes of cracks: single and forked ones, meshes, and cracks along joints."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import Voronoi

from src.data.drawn.scene import Points, Scene, spread

Profile = npt.NDArray[np.float64]  # (n,) one value for each point of a line
# Noise of several scales, each with its span in points and its standard deviation.
Scales = tuple[tuple[float, float], ...]

STEP = 2.0  # pixels between two points of a walk
WANDER: Scales = ((150, 0.25), (30, 0.25))  # slow turns of a walk, in radians
JAGS: Scales = ((26, 6.0), (9, 2.6), (3, 0.9))  # sudden turns of a walk, in pixels to the side
ROUGHNESS = (0.5, 1.5)  # span of a factor of all sudden turns of a crack
SPACING = 350.0  # mean distance between two branches in pixels
FORK = (0.4, 1.2)  # smallest and largest angle between a branch and the trunk, in radians
BRANCH_LENGTH, LONGEST_BRANCH = (0.1, 0.5), 450.0  # share of the trunk's length; pixels
BRANCH_WIDTH = (0.35, 0.8)  # a branch's width as a share of the trunk's

# A crack's median width in pixels, and the standard deviation of the width's logarithm.
MEDIAN_WIDTH, WIDTH_SPREAD = 2.7, 0.75
CLEAR_WIDTH = (6.0, 0.4)  # the same where all cracks are wide
WIDTHS = (1.0, 15.0)  # smallest and largest width in pixels
SLENDERNESS = 20.0  # smallest ratio of length to width
UNEVEN: Scales = ((40, 0.28), (12, 0.24), (4, 0.22), (1.5, 0.14))  # change of the width's logarithm

LENGTH = (160.0, 2200.0)  # length of a trunk in pixels
MESH_CELL, MESH_RADIUS = (28.0, 170.0), (90.0, 800.0)  # pixels
PIECE = 40.0  # pixels between two points of a joint that a crack follows
SHAPES = ("forked", "mesh", "joint", "joint_crossed")
SHARES = (0.56, 0.15, 0.11, 0.18)
LEAST_SEEN = 150.0  # pixels of crack that a picture shows, or 0.6 of its shorter side
ANOTHER = 0.4  # mean number of further cracks in a picture


@dataclass(frozen=True)
class DrawnCrack:
    """One unforked branch of a crack. The crack is all that lies within half its width.

    Attributes:
        centre: (n, 2) float64, the points x, y of its centre line in pixels.
        widths: (n,) float64, the width at each point in pixels.
    """

    centre: Points
    widths: Profile


def grow_cracks(rng: np.random.Generator, scene: Scene) -> list[DrawnCrack]:
    """Draw the branches of a picture's cracks, until enough of their length is seen."""
    wanted = min(LEAST_SEEN, 0.6 * min(scene.height, scene.width))
    cracks: list[DrawnCrack] = []
    while sum(_length_seen(scene, crack.centre) for crack in cracks) < wanted:
        cracks = [crack for crack in _some_cracks(rng, scene) if _near(scene, crack.centre)]
    return cracks


def _some_cracks(rng: np.random.Generator, scene: Scene) -> list[DrawnCrack]:
    cracks: list[DrawnCrack] = []
    for _ in range(1 + rng.poisson(ANOTHER)):
        shape = rng.choice(SHAPES, p=SHARES)
        path = scene.paths[rng.integers(len(scene.paths))] if scene.paths else None
        if shape == "mesh":
            cracks += _mesh(rng, scene)
        elif shape != "forked" and path is not None and _seen(scene, path):
            cracks += _along(rng, scene, path)
            if shape == "joint_crossed":
                cracks += _forked(rng, scene)
        else:
            cracks += _forked(rng, scene)
    return cracks


def _width(rng: np.random.Generator, scene: Scene, length: float) -> float:
    median, spread_of_widths = CLEAR_WIDTH if scene.clear else (MEDIAN_WIDTH, WIDTH_SPREAD)
    width = median * rng.lognormal(0, spread_of_widths) * scene.scale**0.3
    return float(np.clip(min(width, length / SLENDERNESS), *WIDTHS))


def _middle(rng: np.random.Generator, scene: Scene) -> Points:
    return rng.uniform(0.2, 0.8, 2) * (scene.width, scene.height)


def _forked(rng: np.random.Generator, scene: Scene) -> list[DrawnCrack]:
    length = spread(rng, LENGTH)
    width, rough = _width(rng, scene, length), spread(rng, ROUGHNESS)
    heading = rng.uniform(0, 2 * np.pi)
    trunk = _walk(rng, heading, length, rough)
    trunk += _middle(rng, scene) - trunk[len(trunk) // 2]
    cracks = [DrawnCrack(trunk, _widths(rng, width, 1 - abs(np.linspace(-1, 1, len(trunk)))))]
    for _ in range(min(12, rng.poisson(spread(rng, (0.3, 3)) * length / SPACING))):
        aside = heading + rng.choice((-1, 1)) * rng.uniform(*FORK)
        reach = min(length * rng.uniform(*BRANCH_LENGTH), LONGEST_BRANCH)
        branch = trunk[rng.integers(len(trunk))] + _walk(rng, aside, reach, rough)
        thinner = width * rng.uniform(*BRANCH_WIDTH)
        cracks.append(DrawnCrack(branch, _widths(rng, thinner, np.linspace(1, 0, len(branch)))))
    return cracks


def _mesh(rng: np.random.Generator, scene: Scene) -> list[DrawnCrack]:
    """Grow the edges of irregular cells, as in old asphalt or where a surface dried too fast."""
    cell = max(24.0, spread(rng, MESH_CELL) * scene.scale**0.5)
    radius = float(np.clip(spread(rng, MESH_RADIUS), 2 * cell, 9 * cell))
    count = int((2 * radius / cell + 2) ** 2)
    stretch = np.array([1, spread(rng, (0.5, 2))])
    seeds = _middle(rng, scene) + rng.uniform(-radius, radius, (count, 2)) * stretch
    parted = Voronoi(seeds)
    centre, width = seeds.mean(axis=0), min(_width(rng, scene, 1e6), cell / 8, 6.0)
    rough, kept = spread(rng, ROUGHNESS), rng.uniform(0.6, 1.0)
    cracks = []
    for first, second in parted.ridge_vertices:
        ends = parted.vertices[[first, second]]
        length = float(np.linalg.norm(ends[1] - ends[0]))
        far = np.linalg.norm((ends.mean(axis=0) - centre) / stretch) > radius * 0.8
        if first < 0 or far or not 4 < length < 6 * cell or rng.uniform() > kept:
            continue
        line = _between(rng, ends, min(1.0, length / 60) * rough)
        if _near(scene, line):
            even = np.full(len(line), 0.5)
            thick = max(1.0, width * rng.lognormal(0, 0.25))
            cracks.append(DrawnCrack(line, _widths(rng, thick, even)))
    return cracks or _forked(rng, scene)


def _along(rng: np.random.Generator, scene: Scene, path: Points) -> list[DrawnCrack]:
    """Grow a crack along a joint: in its middle, or beside it."""
    corners = _inside(scene, path)
    length = float(np.linalg.norm(np.diff(corners, axis=0), axis=1).sum())
    width, rough = _width(rng, scene, length), 0.45 * spread(rng, ROUGHNESS)
    parts = [_between(rng, corners[n : n + 2], rough)[:-1] for n in range(len(corners) - 1)]
    line = np.concatenate([*parts, corners[-1:]])
    line = line + rng.normal(0, 1.0 + 4 * scene.scale * rng.uniform(), 2)
    first, last = sorted(rng.uniform(0, 1, 2)) if rng.uniform() < 0.4 else (0.0, 1.0)
    part = line[int(first * len(line)) : int(last * len(line))]
    line = part if len(part) * STEP > 70 else line
    return [DrawnCrack(line, _widths(rng, width, 1 - abs(np.linspace(-1, 1, len(line)))))]


def _between(rng: np.random.Generator, ends: Points, rough: float) -> Points:
    """Draw a jagged line between two points; its ends are those points."""
    length = float(np.linalg.norm(ends[1] - ends[0]))
    count = max(3, round(length / STEP) + 1)
    share = np.linspace(0, 1, count)
    aside = rough * _corners(rng, count, JAGS)
    aside -= (1 - share) * aside[0] + share * aside[-1]
    along = (ends[1] - ends[0]) / max(length, 1e-9)
    normal = np.array([-along[1], along[0]])
    return ends[0] + share[:, None] * (ends[1] - ends[0]) + aside[:, None] * normal


def _inside(scene: Scene, path: Points) -> Points:
    """Return the points of a path that are seen or nearly so: its corners, and some between."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0], np.cumsum(steps)])
    at = np.union1d(along, np.linspace(0, along[-1], 2 + min(4000, int(along[-1] / PIECE))))
    points = np.stack([np.interp(at, along, values) for values in path.T], axis=1)
    near = (points > -PIECE) & (points < (scene.width + PIECE, scene.height + PIECE))
    return points[near.all(axis=1)]


def _seen(scene: Scene, path: Points) -> bool:
    """Tell whether a good piece of a path lies in the picture."""
    points = _inside(scene, path)
    strictly = ((points > 0) & (points < (scene.width, scene.height))).all(axis=1)
    if strictly.sum() < 3:
        return False
    return float(np.linalg.norm(np.ptp(points[strictly], axis=0))) > 70


def _length_seen(scene: Scene, centre: Points) -> float:
    """Return the length in pixels of what of a branch lies in the picture."""
    x, y = centre.T
    seen = (x > 0) & (y > 0) & (x < scene.width - 1) & (y < scene.height - 1)
    if scene.beyond is not None:
        seen[seen] = scene.beyond[y[seen].astype(int), x[seen].astype(int)] < 0.5
    steps = np.linalg.norm(np.diff(centre, axis=0), axis=1)
    return float(steps[seen[1:]].sum())


def _near(scene: Scene, line: Points) -> bool:
    return bool(((line > -20) & (line < (scene.width + 20, scene.height + 20))).all(1).any())


def _widths(rng: np.random.Generator, width: float, to_end: Profile) -> Profile:
    """Draw the widths of a branch, which vary around `width` and taper off towards the end.

    Args:
        rng: the random generator.
        width: width of the branch in pixels.
        to_end: (n,), each point's relative distance to the end, from 0 to 1. Tapering begins at
            1/4.
    """
    uneven = np.exp(_corners(rng, len(to_end), UNEVEN))
    return np.clip(width * np.sqrt(np.clip(4 * to_end, 0, 1)) * uneven, *WIDTHS)


def _walk(rng: np.random.Generator, heading: float, length: float, rough: float) -> Points:
    """Draw points that start near the origin and run roughly in the given direction.

    They are about `STEP` pixels apart.
    """
    count = max(8, round(length / STEP))
    headings = heading + _bends(rng, count, WANDER)
    along = np.stack([np.cos(headings), np.sin(headings)], axis=1)
    aside = rough * _corners(rng, count, JAGS)
    normals = np.stack([-along[:, 1], along[:, 0]], axis=1)
    return np.cumsum(STEP * along, axis=0) + normals * (aside - aside[0])[:, None]


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
