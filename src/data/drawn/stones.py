"""Walls and floors of uneven stones: setts, cobbles, rubble."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from src.data.drawn.bonds import Units, courses, irregular_cells, rounded
from src.data.drawn.kinds import Kind
from src.data.drawn.scene import (
    FIXED,
    Field,
    Layer,
    Palette,
    Points,
    Scene,
    Span,
    blurred,
    emboss,
    fixed_point,
    fractal_noise,
    smooth_noise,
    spread,
)

STONES: Palette = (
    (0.62, 0.60, 0.57),
    (0.50, 0.48, 0.47),
    (0.70, 0.64, 0.54),
    (0.42, 0.42, 0.44),
    (0.68, 0.56, 0.46),
    (0.36, 0.35, 0.34),
    (0.56, 0.47, 0.38),
)
# What lies between stones: nothing, soil, sand, moss, mortar.
BEDS: Palette = (
    (0.10, 0.095, 0.09),
    (0.24, 0.20, 0.16),
    (0.52, 0.46, 0.37),
    (0.26, 0.31, 0.18),
    (0.62, 0.60, 0.57),
)


def lay_stones(
    rng: np.random.Generator, scene: Scene, outlines: Units, colours: Palette, across: float
) -> Field:
    """Draw stones with rounded backs, rough faces and uneven gaps.

    Args:
        rng: the random generator.
        scene: the scene to change.
        outlines: (n, corners, 2), their outlines on the plane.
        colours: the stones' colours, of which one is drawn. A real ground keeps its own.
        across: mean size of a stone in pixels.

    Returns:
        The gaps, (height, width) from 0 to 1.
    """
    layer = scene.layer()
    placed = scene.place(outlines[scene.ahead(outlines).all(axis=1)])
    indices = rng.integers(1, 256, len(placed)).tolist()
    for outline, index in zip(fixed_point(placed), indices, strict=True):
        cv2.fillPoly(layer, [outline], index, shift=FIXED)
    layer = _worn(rng, layer, across * rng.uniform(0.0, 0.1), across / 3)

    own = scene.colour if scene.real else np.array(colours[rng.integers(len(colours))])
    hues = rng.normal(0, rng.uniform(0.04, 0.22), (256, 1)) + rng.normal(0, 0.012, (256, 3))
    palette = own * rng.uniform(0.8, 1.15) * np.exp(hues)
    palette[0] = np.array(BEDS[rng.integers(len(BEDS))]) * rng.uniform(0.7, 1.15)
    palette = np.clip(palette, 0.03, 1.1) / scene.colour
    raised = (layer > 0).astype(np.float32)
    for plane, values in zip(scene.pixels, palette.T.astype(np.float32), strict=True):
        plane *= cv2.GaussianBlur(values[layer], (0, 0), 0.8)
    _light(rng, scene, raised, across)
    return 1 - blurred(raised, 0.8)


def _worn(rng: np.random.Generator, layer: Layer, amount: float, cell: float) -> Layer:
    """Bend all outlines by some pixels, at random, so that gaps are of uneven width."""
    if amount < 0.3:
        return layer
    height, width = layer.shape
    cells = (max(2.0, cell), max(2.0, cell))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x = x + np.float32(amount) * smooth_noise(rng, height, width, cells)
    y = y + np.float32(amount) * smooth_noise(rng, height, width, cells)
    return cv2.remap(layer, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT).astype(np.uint8)


def _light(rng: np.random.Generator, scene: Scene, raised: Field, across: float) -> None:
    """Light the stones' backs and their rough faces; the gaps lie in the shade."""
    size = scene.height, scene.width
    inside = cv2.distanceTransform(raised.astype(np.uint8), cv2.DIST_L2, 3)
    back = 1 - np.exp(-inside / np.float32(across * spread(rng, (0.04, 0.3))))
    emboss(scene, blurred(back, 1.0), rng.uniform(0.1, 1.0), max(1.0, 0.03 * across))
    fine = max(1.5, across * spread(rng, (0.015, 0.06)))
    face = fractal_noise(rng, *size, (fine, fine), (0.35, 0.45, 0.5)) * raised
    emboss(scene, face, spread(rng, (0.02, 0.35)), max(1.0, 0.4 * fine))
    scene.pixels *= 1 + np.float32(rng.uniform(0.02, 0.12)) * face
    debris = 1 + (1 - raised) * np.float32(rng.uniform(0, 0.5)) * smooth_noise(rng, *size, (2, 2))
    shade = np.float32(rng.uniform(0, 0.75)) * np.exp(-inside / np.float32(rng.uniform(1.0, 4.0)))
    scene.pixels *= np.maximum(debris, 0.2) * (1 - shade)


def _in_cells(size: Span, order: Span, gap: Span, cut: float) -> Callable[..., Field]:
    """Make a function that draws stones without courses.

    Args:
        size: span of a stone's size in pixels.
        order: span of the disorder, from 0 (a grid) to 1 (at random).
        gap: span of a gap's width as a share of a stone's size.
        cut: how far corners are cut, 0 to 0.5.
    """

    def draw(rng: np.random.Generator, scene: Scene) -> Field:
        across = max(16.0, spread(rng, size) * scene.scale)
        cells = irregular_cells(rng, scene, across, rng.uniform(*order))
        for cell in cells[:: max(1, len(cells) // 6)]:
            scene.follow(cell)
        return lay_stones(rng, scene, _apart(rng, cells, gap, cut), STONES, across)

    return draw


def _setts(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw hewn stones in courses, as on old streets and in walls."""
    across = max(16.0, spread(rng, (40, 190)) * scene.scale)
    bond = str(rng.choice(["running", "random", "third"]))
    units = courses(rng, scene, (across * rng.uniform(1.0, 1.7), across), 0.0, bond)
    units = units + rng.normal(0, rng.uniform(0.01, 0.05) * across, units.shape)
    outlines = _apart(rng, list(units), (0.04, 0.16), rng.uniform(0.04, 0.2))
    return lay_stones(rng, scene, outlines, STONES, across)


def _hewn(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw stones with broken faces, in courses or not, as in old walls."""
    across = max(20.0, spread(rng, (60, 300)) * scene.scale)
    if rng.uniform() < 0.5:
        units = courses(rng, scene, (across * rng.uniform(1.0, 2.2), across), 0.0, "random")
        units = units + rng.normal(0, rng.uniform(0.01, 0.06) * across, units.shape)
        cells, cut = list(units), rng.uniform(0.0, 0.12)
    else:
        cells, cut = irregular_cells(rng, scene, across, rng.uniform(0.4, 1.0)), 0.1
    gaps = lay_stones(rng, scene, _apart(rng, cells, (0.02, 0.12), cut), STONES, across)
    # Where stone was broken, faces meet at an angle: one side of an edge is lit, and one is not.
    cell = max(4.0, across * spread(rng, (0.08, 0.4)))
    faces = -np.abs(fractal_noise(rng, scene.height, scene.width, (cell, cell), (0.2, 0.4, 0.8)))
    emboss(scene, faces * (1 - gaps), spread(rng, (0.1, 1.0)), max(1.0, 0.06 * cell))
    return gaps


def _apart(
    rng: np.random.Generator, cells: Sequence[Points], gap: Span, cut: float
) -> npt.NDArray[np.float64]:
    """Shrink cells so that there are gaps of various widths between them, and round them."""
    share, uneven = 1 - spread(rng, gap), rng.uniform(0, 0.06)
    return np.stack([rounded(cell, share - uneven * rng.uniform(), cut) for cell in cells])


UNEVEN_STONES = {
    "cobble": Kind(_in_cells((30, 160), (0.3, 0.7), (0.08, 0.22), 0.25), 0.03),
    "rubble": Kind(_in_cells((60, 320), (0.7, 1.2), (0.04, 0.14), 0.14), 0.03),
    "sett": Kind(_setts, 0.05),
    "hewn": Kind(_hewn, 0.06),
}
