"""Laying out units on a plane: courses, irregular cells, herringbone."""

import numpy as np
import numpy.typing as npt
from scipy.spatial import Voronoi

from src.data.drawn.scene import Points, Scene

Units = npt.NDArray[np.float64]  # (n, corners, 2) outlines on the plane

LARGEST = 4000  # number of units, above which they are laid larger


def courses(
    rng: np.random.Generator, scene: Scene, size: tuple[float, float], gap: float, bond: str
) -> Units:
    """Lay rectangles (n, 4, 2) in courses over the part of the plane that is seen.

    Args:
        rng: the random generator.
        scene: the scene; paths along the joints are added to it.
        size: length and height of a unit, with its joint, in pixels.
        gap: width of a joint in pixels.
        bond: "running", "third", "stack", "english" or "random".
    """
    left, top, right, bottom = scene.extent()
    while (right - left) * (bottom - top) / (size[0] * size[1]) > LARGEST:
        size, gap = (1.3 * size[0], 1.3 * size[1]), 1.3 * gap
    length, course = size
    start = rng.uniform(0, 1, 2) * size
    rows = np.arange(top - start[1] - course, bottom + course, course)
    offset = {"running": 0.5, "third": 1 / 3, "stack": 0.0, "english": 0.25, "random": 0.37}[bond]
    lines = [left - start[0] - length + (n * offset % 1) * length for n in range(len(rows))]
    found = []
    for number, (y, x) in enumerate(zip(rows, lines, strict=True)):
        each = length / 2 if bond == "english" and number % 2 else length
        edges = np.arange(x - length, right + length, each)
        if bond == "random":
            edges = edges + rng.uniform(-0.3, 0.3, len(edges)) * length
        found.append(_boxes(edges[:-1], edges[1:], y, y + course, gap))
    _keep_paths(rng, scene, rows, np.array(lines), size)
    return np.concatenate(found)


def _boxes(left: Points, right: Points, top: float, bottom: float, gap: float) -> Units:
    a, b = left + gap / 2, right - gap / 2
    c, d = np.full_like(a, top + gap / 2), np.full_like(a, bottom - gap / 2)
    corners = [np.stack(pair, axis=1) for pair in ((a, c), (b, c), (b, d), (a, d))]
    return np.stack(corners, axis=1)


def _keep_paths(
    rng: np.random.Generator, scene: Scene, rows: Points, lines: Points, size: tuple[float, float]
) -> None:
    """Add to the scene's paths a straight joint, and stairs along the joints, some of each."""
    left, _, right, _ = scene.extent()
    for y in rng.choice(rows, 2):
        scene.follow(np.array([[left, y], [right, y]]))
    for _ in range(4):
        turn, number = rng.choice((-1, 1)), int(rng.integers(len(rows)))
        x, stairs = rng.uniform(left, right), []
        for row in range(number, min(len(rows) - 1, number + 14)):
            x = lines[row] + round((x - lines[row]) / size[0] + 0.3 * turn) * size[0]
            stairs += [[x, rows[row]], [x, rows[row + 1]]]
        if len(stairs) > 2:
            scene.follow(np.array(stairs))


def irregular_cells(
    rng: np.random.Generator, scene: Scene, size: float, order: float
) -> list[Points]:
    """Part the plane into irregular cells (n, 2) of about a size in pixels.

    `order` is from 0 (a grid) to 1 (at random).
    """
    left, top, right, bottom = scene.extent()
    size = max(size, ((right - left) * (bottom - top) / LARGEST) ** 0.5)
    columns, rows = (
        np.arange(a - 2 * size, b + 2 * size, size) for a, b in ((left, right), (top, bottom))
    )
    x, y = np.meshgrid(columns, rows)
    x[1::2] += size / 2
    seeds = np.stack([x.ravel(), y.ravel()], axis=1)
    seeds += rng.uniform(-order / 2, order / 2, seeds.shape) * size
    parted = Voronoi(seeds)
    regions = [parted.regions[n] for n in parted.point_region]
    cells = [parted.vertices[region] for region in regions if region and -1 not in region]
    # The cells at the rim reach far out.
    return [cell for cell in cells if np.ptp(cell, axis=0).max() < 3 * size]


def rounded(cell: Points, share: float, cut: float) -> Points:
    """Shrink a cell towards its middle, cut its corners, and return an outline (32, 2)."""
    middle = cell.mean(axis=0)
    smaller = middle + share * (cell - middle)
    for _ in range(2):
        following = np.roll(smaller, -1, axis=0)
        smaller = np.concatenate(
            [smaller + cut * (following - smaller), following + cut * (smaller - following)], axis=1
        ).reshape(-1, 2)
    at = np.linspace(0, len(smaller), 32, endpoint=False)
    ends = np.arange(len(smaller) + 1)
    closed = np.concatenate([smaller, smaller[:1]])
    return np.stack([np.interp(at, ends, closed[:, axis]) for axis in (0, 1)], axis=1)


def herringbone(scene: Scene, side: float, gap: float) -> Units:
    """Lay rectangles (n, 4, 2), twice as long as high, in zigzag lines.

    Args:
        scene: the scene.
        side: height of a unit, with its joint, in pixels.
        gap: width of a joint as a share of the height.
    """
    left, top, right, bottom = scene.extent()
    side = max(side, ((right - left) * (bottom - top) / LARGEST) ** 0.5)
    middle = np.array([left + right, top + bottom]) / 2
    reach = int(max(right - left, bottom - top) / side) + 3
    n, m = np.meshgrid(np.arange(-reach, reach), np.arange(-reach // 2, reach // 2 + 1))
    corners = np.stack([n + 2 * m, -n + 2 * m], axis=-1).reshape(-1, 2) * side + middle
    low, high = max(1.2, gap * side) / 2, 2 * side - max(1.2, gap * side) / 2
    across = np.array([[low, low], [high, low], [high, side - low], [low, side - low]])
    upright = across[:, ::-1] + (2 * side, 0)
    return np.concatenate([corners[:, None] + across, corners[:, None] + upright])
