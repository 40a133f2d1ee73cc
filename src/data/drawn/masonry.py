"""Walls and floors of rectangular units: bricks, blocks, tiles, paving, panels."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from src.data.drawn.bonds import Units, courses, herringbone
from src.data.drawn.kinds import Kind
from src.data.drawn.scene import (
    FIXED,
    Field,
    Layer,
    Palette,
    Scene,
    Span,
    blurred,
    emboss,
    fixed_point,
    fractal_noise,
    shifted,
    smooth_noise,
    spread,
    tint,
)
from src.data.drawn.stones import STONES

BRICKS: Palette = (
    (0.62, 0.31, 0.22),
    (0.72, 0.43, 0.30),
    (0.48, 0.26, 0.21),
    (0.78, 0.66, 0.48),
    (0.85, 0.83, 0.78),
    (0.45, 0.42, 0.40),
    (0.60, 0.50, 0.42),
    (0.33, 0.24, 0.22),
)
TILES: Palette = (
    (0.90, 0.90, 0.88),
    (0.75, 0.66, 0.55),
    (0.60, 0.36, 0.26),
    (0.35, 0.37, 0.40),
    (0.55, 0.68, 0.74),
    (0.80, 0.76, 0.68),
    (0.20, 0.21, 0.22),
)
# What fills a joint: cement, sand, moss, soil, and nothing.
FILLINGS: Palette = (
    (0.74, 0.72, 0.68),
    (0.66, 0.58, 0.45),
    (0.30, 0.36, 0.20),
    (0.26, 0.21, 0.17),
    (0.12, 0.115, 0.11),
    (0.50, 0.49, 0.47),
    (0.88, 0.87, 0.84),
)

CHIPPED, SOILED = 0.3, 0.35  # shares of pictures


def draw_units(
    rng: np.random.Generator,
    scene: Scene,
    units: Units,
    colour: npt.ArrayLike,
    filling: npt.ArrayLike,
    *,
    variety: float,
    depth: float,
    rough: float,
) -> Field:
    """Draw units with joints between them.

    Args:
        rng: the random generator.
        scene: the scene to change.
        units: (n, corners, 2), their outlines on the plane.
        colour: (3,), the units' mean colour.
        filling: (3,), the joints' colour.
        variety: standard deviation of the units' brightness.
        depth: strength of the light and shadow at the units' edges.
        rough: standard deviation in pixels by which edges are ragged.

    Returns:
        The joints, (height, width) from 0 to 1.
    """
    layer = scene.layer()
    outlines = scene.place(units[scene.ahead(units).all(axis=1)])
    inside = (outlines.max(axis=1) > -2) & (outlines.min(axis=1) < (scene.width, scene.height))
    outlines = _ragged(rng, outlines[inside.all(axis=1)], rough)
    indices = rng.integers(1, 256, len(outlines)).tolist()
    for outline, index in zip(fixed_point(outlines), indices, strict=True):
        cv2.fillPoly(layer, [outline], index, shift=FIXED)
    layer = chipped(rng, scene, layer)

    hues = rng.normal(0, variety, (256, 1)) + rng.normal(0, variety / 12, (256, 3))
    hues += rng.normal(0, variety / 4, (256, 1)) * np.array([1, 0, -1])
    palette = np.asarray(colour) * np.exp(hues)
    palette[0] = filling
    palette = np.clip(palette, 0.04, 1.1) / scene.colour
    raised = blurred((layer > 0).astype(np.float32), 0.8)
    mortar = (1 - raised) * np.float32(rng.uniform(0.02, 0.2))
    mortar *= smooth_noise(rng, scene.height, scene.width, (2, 2))
    for plane, values in zip(scene.pixels, palette.T.astype(np.float32), strict=True):
        plane *= cv2.GaussianBlur(values[layer], (0, 0), 0.7) + mortar
    _light_joints(rng, scene, raised, depth)
    joints = np.clip(1 - raised, 0, 1)
    soil(rng, scene, joints)
    return joints


def chipped(rng: np.random.Generator, scene: Scene, layer: Layer) -> Layer:
    """Break pieces off the edges of units, in some pictures.

    Args:
        rng: the random generator.
        scene: the scene.
        layer: (height, width) uint8, the number of the unit at each pixel, or 0.
    """
    if rng.uniform() > CHIPPED:
        return layer
    reach = max(1.0, spread(rng, (1.5, 8.0)) * scene.scale)
    cell = reach * rng.uniform(1.0, 4.0)
    uneven = fractal_noise(rng, scene.height, scene.width, (cell, cell), (0.5, 0.7, 0.7))
    edge = blurred((layer > 0).astype(np.float32), reach)
    lost = edge + np.float32(rng.uniform(0.05, 0.2)) * uneven < rng.uniform(0.5, 0.62)
    return np.where(lost, np.uint8(0), layer)


def soil(rng: np.random.Generator, scene: Scene, joints: Field) -> None:
    """Let dirt gather in joints and beside them, in some pictures.

    Args:
        rng: the random generator.
        scene: the scene to change.
        joints: (height, width), from 0 to 1.
    """
    if rng.uniform() > SOILED:
        return
    cell = max(4.0, spread(rng, (8, 60)) * scene.scale)
    patchy = fractal_noise(rng, scene.height, scene.width, (cell, cell), (0.4, 0.5, 0.6))
    near = blurred(joints, max(1.0, spread(rng, (2, 20)) * scene.scale))
    dirt = np.clip(np.float32(rng.uniform(1, 3)) * near * (np.float32(0.6) + patchy), 0, 1)
    tint(scene.pixels, dirt, rng.uniform(0.35, 0.9) * np.array((1, 0.97, 0.92)))


def _light_joints(rng: np.random.Generator, scene: Scene, raised: Field, depth: float) -> None:
    """Light the units' edges, and let their shadow fall into the joints."""
    soft = blurred(raised, rng.uniform(0.6, 2.2))
    emboss(scene, soft, depth * rng.uniform(0.2, 0.9), rng.uniform(1, 3))
    reach = spread(rng, (1.0, 6.0)) * max(scene.scale, 0.5)
    shade = shifted(raised, -np.round(scene.light * reach)) * (1 - raised)
    scene.pixels *= 1 - np.float32(min(0.8, depth * rng.uniform(0.5, 1.6))) * shade


def _ragged(rng: np.random.Generator, outlines: Units, rough: float) -> Units:
    """Give each side of each unit two more corners, and move all corners a little."""
    if rough <= 0 or not len(outlines):
        return outlines
    following = np.roll(outlines, -1, axis=1)
    parts = [outlines + share * (following - outlines) for share in (0, 1 / 3, 2 / 3)]
    finer = np.stack(parts, axis=2).reshape(len(outlines), -1, 2)
    return finer + rng.normal(0, rough, finer.shape)


def _wall(
    length: Span,
    ratio: Span,
    gap: Span,
    bonds: tuple[str, ...],
    colours: tuple[tuple[float, ...], ...],
    **look: Span,
) -> Callable[[np.random.Generator, Scene], Field]:
    """Make a function that draws a wall of rectangles.

    Args:
        length: span of a unit's length in pixels.
        ratio: span of a unit's height as a share of its length.
        gap: span of a joint's width as a share of a unit's height.
        bonds: the bonds that are drawn.
        colours: the colours that are drawn; with none, units have the ground's colour.
        look: spans of `variety`, `depth` and `rough`, and of `flush`: the share of walls whose
            joints have the units' colour.
    """

    def draw(rng: np.random.Generator, scene: Scene) -> Field:
        long = max(18.0, spread(rng, length) * scene.scale)
        high = max(9.0, long * rng.uniform(*ratio))
        joint = float(np.clip(high * spread(rng, gap), 1.2, 60))
        units = courses(rng, scene, (long, high), joint, str(rng.choice(bonds)))
        own = scene.real or not colours
        colour = scene.colour if own else np.array(colours[rng.integers(len(colours))])
        colour = colour * rng.uniform(0.8, 1.15)
        filling = np.array(FILLINGS[rng.integers(len(FILLINGS))]) * rng.uniform(0.7, 1.15)
        if rng.uniform() < rng.uniform(*look["flush"]):
            filling = colour * rng.uniform(0.7, 1.1)
        return draw_units(
            rng,
            scene,
            units,
            colour,
            filling,
            variety=rng.uniform(*look["variety"]),
            depth=spread(rng, look["depth"]),
            rough=min(spread(rng, look["rough"]) * scene.scale, joint / 3, 4.0),
        )

    return draw


def _herringbone(rng: np.random.Generator, scene: Scene) -> Field:
    side = max(10.0, spread(rng, (18, 80)) * scene.scale)
    units = herringbone(scene, side, spread(rng, (0.03, 0.12)))
    colours = BRICKS + STONES
    colour = scene.colour if scene.real else np.array(colours[rng.integers(len(colours))])
    filling = np.array(FILLINGS[rng.integers(len(FILLINGS))])
    look = {"variety": rng.uniform(0.02, 0.15), "depth": spread(rng, (0.1, 0.6))}
    return draw_units(rng, scene, units, colour, filling, rough=rng.uniform(0, 0.6), **look)


SMOOTH, SOLID, WORN = (0.1, 0.5), (0.5, 1.2), (0.5, 1.8)
MASONRY = {
    "brick": Kind(
        _wall((60, 260), (0.26, 0.42), (0.08, 0.26), ("running", "third", "english"), BRICKS,
              variety=(0.03, 0.18), depth=(0.06, 0.7), rough=WORN, flush=(0.1, 0.4)), 0.08),
    "block": Kind(
        _wall((120, 420), (0.4, 0.6), (0.03, 0.14), ("running", "stack"), STONES,
              variety=(0.02, 0.1), depth=(0.06, 0.5), rough=SOLID, flush=(0.1, 0.4)), 0.04),
    "tile": Kind(
        _wall((50, 380), (0.5, 1.0), (0.015, 0.08), ("stack", "stack", "running"), TILES,
              variety=(0.0, 0.06), depth=(0.03, 0.5), rough=SMOOTH, flush=(0.0, 0.3)), 0.05),
    "paving": Kind(
        _wall((60, 520), (0.45, 1.0), (0.02, 0.2), ("stack", "running", "third", "random"), STONES,
              variety=(0.02, 0.12), depth=(0.05, 0.6), rough=SOLID, flush=(0.0, 0.3)), 0.07),
    "ashlar": Kind(
        _wall((90, 420), (0.3, 0.6), (0.02, 0.16), ("random",), STONES,
              variety=(0.03, 0.16), depth=(0.06, 0.6), rough=WORN, flush=(0.1, 0.5)), 0.04),
    "panel": Kind(
        _wall((250, 1100), (0.4, 1.4), (0.004, 0.02), ("stack", "stack", "running"), (),
              variety=(0.01, 0.07), depth=(0.03, 0.5), rough=SMOOTH, flush=(0.4, 1.0)), 0.09),
    "herringbone": Kind(_herringbone, 0.02),
}  # fmt: skip
