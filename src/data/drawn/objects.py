"""Things that lie or hang before the ground: cables, rods, leaves, twigs, roots, grass."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from src.data.drawn.kinds import Kind
from src.data.drawn.scene import (
    Field,
    Layer,
    Palette,
    Points,
    Scene,
    Span,
    blurred,
    box,
    fill,
    paint,
    ribbon,
    shifted,
    smooth_noise,
    soften,
    spread,
    stroke,
    tint,
)

LEAVES: Palette = (
    (0.55, 0.42, 0.16),
    (0.42, 0.27, 0.14),
    (0.30, 0.38, 0.14),
    (0.62, 0.50, 0.22),
    (0.48, 0.20, 0.12),
    (0.24, 0.32, 0.12),
    (0.32, 0.24, 0.18),
)
BARKS: Palette = ((0.30, 0.23, 0.17), (0.42, 0.35, 0.27), (0.20, 0.16, 0.13), (0.55, 0.48, 0.38))
BLADES: Palette = ((0.40, 0.48, 0.20), (0.62, 0.56, 0.32), (0.28, 0.36, 0.14), (0.70, 0.64, 0.44))
CABLES: Palette = (
    (0.08, 0.08, 0.09),
    (0.16, 0.16, 0.17),
    (0.85, 0.85, 0.83),
    (0.72, 0.36, 0.10),
    (0.20, 0.32, 0.52),
    (0.55, 0.54, 0.52),
    (0.62, 0.16, 0.12),
)
RODS: Palette = ((0.42, 0.26, 0.17), (0.33, 0.22, 0.16), (0.50, 0.50, 0.51), (0.30, 0.30, 0.31))


def bent_line(rng: np.random.Generator, scene: Scene, bend: float) -> Points:
    """Draw a smooth line (n, 2) that crosses the picture.

    `bend` is the largest distance from a straight line, as a share of the picture's size.
    """
    reach = math.hypot(scene.width, scene.height)
    angle = rng.uniform(0, np.pi)
    along = np.array([math.cos(angle), math.sin(angle)])
    at = np.linspace(-0.6, 0.6, 80) * reach
    waves = np.zeros(len(at))
    for number in (1, 2, 3):
        waves += rng.normal(0, 1 / number**1.5) * np.sin(
            number * np.pi * (at / reach + rng.uniform(0, 1))
        )
    middle = rng.uniform(0.15, 0.85, 2) * (scene.width, scene.height)
    aside = bend * reach * 0.5 * waves
    return middle + at[:, None] * along + aside[:, None] * np.array([-along[1], along[0]])


def grown(rng: np.random.Generator, start: Points, heading: float, length: float) -> list[Points]:
    """Grow a twig: a stem, and twigs at its sides. Each (n, 2) has its foot first."""
    count = max(4, int(length / 6))
    turns = rng.normal(0, 0.10, count) + (rng.uniform(size=count) < 0.06) * rng.normal(
        0, 0.5, count
    )
    headings = heading + np.cumsum(turns)
    steps = (length / count) * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    stem = start + np.cumsum(steps, axis=0)
    found = [stem]
    if length > 30:
        for at in rng.uniform(0.2, 0.9, rng.poisson(1.6)):
            knot = int(at * count)
            aside = headings[knot] + rng.choice((-1, 1)) * rng.uniform(0.4, 1.1)
            found += grown(rng, stem[knot], aside, length * rng.uniform(0.2, 0.55))
    return found


def _cover(
    rng: np.random.Generator, scene: Scene, layer: Layer, colour: npt.ArrayLike, height: float
) -> Field:
    """Lay things of one colour over the picture, with light, shade and a shadow.

    Args:
        rng: the random generator.
        scene: the scene to change.
        layer: where the things are; lower values are darker.
        colour: (3,), the colour.
        height: their height above the ground in pixels.
    """
    if not layer.any():  # everything lies outside the picture
        return np.zeros(layer.shape, np.float32)
    body = (layer > 0).astype(np.uint8) * np.uint8(255)
    solid = soften(body, 0.6)
    far = -np.round(scene.light * height)
    shadow = blurred(shifted(solid, far), 0.6 + 0.25 * height)
    tint(scene.pixels, shadow * (1 - solid), rng.uniform(0.3, 0.8))
    part = box(solid)
    paint(scene.pixels, solid, np.asarray(colour) * rng.uniform(0.75, 1.25))
    inner = scene.pixels[:, *part]
    rounded = blurred(solid[part], 1.0 + 0.25 * height)
    slope = rounded - shifted(rounded, -np.round(scene.light * max(1.0, 0.3 * height)))
    inner *= 1 + np.float32(rng.uniform(0.2, 1.0)) * slope * solid[part]
    rows, columns = inner.shape[1:]
    mottled = smooth_noise(rng, rows, columns, (3, 3)) * np.float32(rng.uniform(0.02, 0.14))
    inner *= 1 + (mottled + layer[part].astype(np.float32) / 255 * np.float32(0.25)) * solid[part]
    return solid


def _cables(rng: np.random.Generator, scene: Scene) -> Field:
    thick = float(np.clip(spread(rng, (2, 16)) * scene.scale, 1.5, 40))
    layer = scene.layer()
    line = bent_line(rng, scene, rng.uniform(0, 0.35))
    for _ in range(1 + rng.poisson(0.5)):
        stroke(layer, line, thick, 128)
        line = line + rng.normal(0, 3 * thick, 2)
    height = thick * (spread(rng, (0.3, 8)) if rng.uniform() < 0.5 else 0.4)
    return _cover(rng, scene, layer, CABLES[rng.integers(len(CABLES))], min(height, 60.0))


def _rods(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw bare reinforcement, or a mesh of wires."""
    thick = float(np.clip(spread(rng, (3, 24)) * scene.scale, 1.5, 50))
    layer = scene.layer()
    apart = thick * rng.uniform(6, 20)
    for _ in range(rng.integers(1, 3)):
        line = bent_line(rng, scene, rng.uniform(0, 0.03))
        aside = np.array([-(line[-1] - line[0])[1], (line[-1] - line[0])[0]])
        aside *= apart / np.linalg.norm(aside)
        for number in range(rng.integers(1, 4)):
            stroke(layer, line + number * aside, thick, 60)
            ribs = np.linspace(line[0], line[-1], int(1200 / max(2.0, 0.5 * thick)))
            for rib in (ribs + number * aside)[::2] if thick > 5 else ():
                tip = aside / apart * 0.45 * thick
                stroke(layer, np.stack([rib - tip, rib + 0.6 * tip]), 0.12 * thick, 250)
    colour = RODS[rng.integers(len(RODS))]
    return _cover(rng, scene, layer, colour, thick * rng.uniform(0.2, 1.5))


def _leaves(rng: np.random.Generator, scene: Scene) -> Field:
    covered = np.zeros((scene.height, scene.width), np.float32)
    at = np.linspace(0, np.pi, 14)
    for _ in range(rng.integers(1, 4)):
        layer, size = scene.layer(), max(7.0, spread(rng, (12, 90)) * scene.scale)
        slim = rng.uniform(0.12, 0.45)
        for _ in range(1 + rng.poisson(min(12, 0.35 * scene.units))):
            turn, wide = rng.uniform(0, 2 * np.pi), slim * rng.uniform(0.6, 1.3)
            lobes = 1 + rng.uniform(0, 0.35) * np.sin(at * rng.integers(3, 9)) ** 2
            half = np.stack([-np.cos(at), wide * np.sin(at) ** 0.8 * lobes], axis=1)
            leaf = size * 0.5 * np.concatenate([half, half[::-1] * (1, -rng.uniform(0.6, 1))])
            leaf = leaf @ _rotation(turn) + rng.uniform(0, 1, 2) * (scene.width, scene.height)
            fill(layer, leaf, int(rng.integers(1, 160)))
            vein = np.linspace(leaf[0], leaf[13], 2) * 1.0
            stroke(layer, vein, max(1.0, 0.03 * size), 250)
        colour = LEAVES[rng.integers(len(LEAVES))]
        covered = np.maximum(covered, _cover(rng, scene, layer, colour, rng.uniform(1, 5)))
    return covered


def _rotation(angle: float) -> Points:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


def _twigs(length: Span, thickness: Span, many: float) -> Callable[..., Field]:
    """Make a function that draws twigs or roots."""

    def draw(rng: np.random.Generator, scene: Scene) -> Field:
        layer, thick = scene.layer(), spread(rng, thickness) * scene.scale**0.6
        for _ in range(1 + rng.poisson(min(6, many * scene.units))):
            long = spread(rng, length) * scene.scale
            foot = rng.uniform(0, 1, 2) * (scene.width, scene.height)
            for number, stem in enumerate(grown(rng, foot, rng.uniform(0, 2 * np.pi), long)):
                widest = max(1.2, thick * (1.0 if number == 0 else 0.6))
                fill(layer, ribbon(stem, np.linspace(widest, 1.0, len(stem))), 100)
        return _cover(rng, scene, layer, BARKS[rng.integers(len(BARKS))], rng.uniform(1, 5))

    return draw


def _blades(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw blades of grass, straws or needles, in tufts or scattered."""
    layer, long = scene.layer(), spread(rng, (14, 110)) * scene.scale
    for _ in range(1 + rng.poisson(min(8, 0.3 * scene.units))):
        foot = rng.uniform(0, 1, 2) * (scene.width, scene.height)
        scatter = spread(rng, (2, 80)) * scene.scale
        for _ in range(rng.integers(1, 24)):
            turn, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.5)
            at = np.linspace(0, 1, 7)
            blade = np.stack([at, bend * at**2], axis=1) * long * rng.uniform(0.4, 1.2)
            blade = blade @ _rotation(turn) + foot + rng.normal(0, scatter, 2)
            wide = max(1.0, 0.05 * long)
            fill(layer, ribbon(blade, np.linspace(wide, 0.6, 7)), int(rng.integers(1, 255)))
    return _cover(rng, scene, layer, BLADES[rng.integers(len(BLADES))], rng.uniform(1, 4))


def _pebbles(rng: np.random.Generator, scene: Scene) -> Field:
    layer = scene.layer()
    for _ in range(1 + rng.poisson(min(60, 2.0 * scene.units))):
        size = max(1.5, spread(rng, (2, 12)) * scene.scale)
        turn = np.linspace(0, 2 * np.pi, 9, endpoint=False)
        radius = size * rng.uniform(0.6, 1.2, 9)[:, None]
        middle = rng.uniform(0, 1, 2) * (scene.width, scene.height)
        outline = middle + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        fill(layer, outline, int(rng.integers(1, 255)))
    return _cover(rng, scene, layer, np.full(3, rng.uniform(0.25, 0.8)), rng.uniform(1, 4))


OBJECTS = {
    "cable": Kind(_cables, 0.09, covers=True),
    "rod": Kind(_rods, 0.05, covers=True),
    "leaf": Kind(_leaves, 0.09, covers=True),
    "twig": Kind(_twigs((30, 220), (1.5, 6), 0.1), 0.09, covers=True),
    "root": Kind(_twigs((150, 700), (4, 20), 0.03), 0.04, covers=True),
    "grass": Kind(_blades, 0.07, covers=True),
    "pebbles": Kind(_pebbles, 0.06, covers=True),
}
