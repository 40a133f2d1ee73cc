"""Straight things on a wall or floor: joints, seams, saw cuts, tines, tie holes, steps, edges."""

import math
from collections.abc import Callable

import cv2
import numpy as np

from src.data.drawn.grounds import blotches
from src.data.drawn.kinds import Kind
from src.data.drawn.scene import (
    Field,
    Palette,
    Points,
    Scene,
    Span,
    blurred,
    emboss,
    fill,
    fractal_noise,
    paint,
    ribbon,
    shifted,
    smooth_noise,
    soften,
    spread,
    tint,
)

SOILS: Palette = (
    (0.36, 0.28, 0.20),
    (0.24, 0.19, 0.15),
    (0.52, 0.44, 0.33),
    (0.30, 0.36, 0.16),
    (0.38, 0.42, 0.20),
    (0.18, 0.24, 0.12),
    (0.45, 0.43, 0.40),
)
SKIES: Palette = ((0.60, 0.74, 0.90), (0.80, 0.85, 0.90), (0.93, 0.94, 0.95), (0.45, 0.62, 0.85))


def lines_across(
    rng: np.random.Generator, scene: Scene, count: int, spacing: float, tilt: float = 0.06
) -> list[Points]:
    """Lay parallel lines (n, 2) across the whole picture.

    Args:
        rng: the random generator.
        scene: the scene; the lines are added to its paths.
        count: number of lines.
        spacing: distance between two lines in pixels.
        tilt: standard deviation of the angle to the plane's axes in radians.
    """
    angle = rng.choice((0, np.pi / 2)) + rng.normal(0, tilt)
    if rng.uniform() < 0.15:
        angle = rng.uniform(0, np.pi)
    along = np.array([math.cos(angle), math.sin(angle)])
    across = np.array([-along[1], along[0]])
    reach = 1.2 * (scene.height + scene.width)
    at = np.linspace(-reach, reach, int(2 * reach / 12))[:, None]
    middle = rng.uniform(0.1, 0.9, 2) * (scene.width, scene.height)
    middle = cv2.perspectiveTransform(middle[None, None], np.linalg.inv(scene.view))[0, 0]
    lines = []
    for number in range(count):
        line = middle + (number - count // 2) * spacing * across + at * along
        lines.append(scene.follow(line))
    return [line for line in lines if len(line) > 1]


def cut(
    rng: np.random.Generator, scene: Scene, lines: list[Points], width: float, filling: str
) -> Field:
    """Cut grooves into the ground, and fill them.

    Args:
        rng: the random generator.
        scene: the scene to change.
        lines: the middle lines (n, 2) in the picture.
        width: width of the grooves in pixels.
        filling: "open", "mortar", "sealant", "soil", or "raised" for a fin instead of a groove.

    Returns:
        The grooves, (height, width) from 0 to 1.
    """
    layer = scene.layer()
    ragged = rng.uniform(0, 0.14) if filling != "sealant" else rng.uniform(0, 0.06)
    for line in lines:
        chips = rng.normal(0, ragged, len(line)) * width**0.7
        if rng.uniform() < 0.3:  # some corners are broken off
            chips += width * rng.uniform(0, 0.6) * np.maximum(rng.normal(-1.4, 1, len(line)), 0)
        fill(layer, ribbon(line, np.maximum(width + chips, 0.8)))
    groove = soften(layer, rng.uniform(0.5, 0.8) + 0.03 * width)
    strength = spread(rng, (0.06, 0.6))
    if filling == "raised":
        emboss(scene, groove, strength, min(3.0, 0.5 * width))
        return groove
    _fill_groove(rng, scene, groove, width, filling)
    rim = blurred(groove, 0.5 + 0.06 * width)
    emboss(scene, -rim, strength, min(3.0, 1 + 0.1 * width))
    return groove


def _fill_groove(
    rng: np.random.Generator, scene: Scene, groove: Field, width: float, filling: str
) -> None:
    grainy = smooth_noise(rng, scene.height, scene.width, (2.5, 2.5)) * np.float32(0.12)
    if filling == "open":
        tint(scene.pixels, groove, rng.uniform(0.08, 0.75) * np.array((1, 0.98, 0.95)))
        return
    if filling == "mortar":
        tint(scene.pixels, groove, rng.uniform(0.7, 1.3) + rng.normal(0, 0.02, 3))
    elif filling == "sealant":
        grainy *= 0.2
        paint(scene.pixels, groove, rng.choice((0.1, 0.16, 0.3, 0.5, 0.75)) * rng.uniform(0.8, 1.2))
        shine = groove - shifted(groove, np.round(scene.light * 0.25 * width))
        tint(scene.pixels, np.clip(shine, 0, 1), rng.uniform(1.0, 1.6))
    else:
        paint(scene.pixels, groove * rng.uniform(0.6, 1), SOILS[rng.integers(len(SOILS))])
        grainy *= 2
    scene.pixels *= 1 + grainy * groove
    # The edge towards the light throws its shadow into the groove.
    shade = groove * (1 - shifted(groove, -scene.light * max(1.0, width * rng.uniform(0.1, 0.6))))
    scene.pixels *= 1 - np.float32(rng.uniform(0.1, 0.7)) * shade


def _grooves(
    width: Span, count: tuple[int, int], spacing: Span, fillings: tuple[str, ...]
) -> Callable[[np.random.Generator, Scene], Field]:
    """Make a function that draws parallel grooves, and in one of four others across them."""

    def draw(rng: np.random.Generator, scene: Scene) -> Field:
        wide = float(np.clip(spread(rng, width) * scene.scale**0.7, 1.0, 60))
        apart = spread(rng, spacing) * scene.scale
        filling = str(rng.choice(fillings))
        lines = lines_across(rng, scene, int(rng.integers(*count)), apart)
        if rng.uniform() < 0.25:
            lines += lines_across(rng, scene, 1, apart)
        return cut(rng, scene, lines, wide, filling)

    return draw


def _formwork(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw the seam of two panels: each has its own shade, and paste bled out between them."""
    lines = lines_across(rng, scene, int(rng.integers(1, 4)), spread(rng, (120, 900)) * scene.scale)
    layer = scene.layer()
    side = lines[0][[0, -1]] + rng.choice((-1, 1)) * 4000 * _across(lines[0])
    fill(layer, np.concatenate([lines[0], side[::-1]]))
    tint(scene.pixels, soften(layer, 1.0), rng.uniform(0.88, 1.1) + rng.normal(0, 0.006, 3))
    bleed = scene.layer()
    for line in lines:
        fill(bleed, ribbon(line, np.maximum(rng.normal(8, 7, len(line)), 1) * scene.scale))
    tint(scene.pixels, soften(bleed, 3 * max(scene.scale, 0.4)), rng.uniform(0.8, 1.12))
    wide = float(np.clip(spread(rng, (1.0, 9)) * scene.scale, 1.0, 20))
    seam = cut(rng, scene, lines, wide, str(rng.choice(("open", "open", "raised", "mortar"))))
    if rng.uniform() < 0.3:  # the next panel stands out a little
        emboss(scene, soften(layer, 0.8), rng.normal(0, 0.25), rng.uniform(1, 4))
    return seam


def _across(line: Points) -> Points:
    along = (line[-1] - line[0]) / np.linalg.norm(line[-1] - line[0])
    return np.array([-along[1], along[0]])


def _tines(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw the many shallow grooves of a tined or broomed floor."""
    apart = max(4.0, spread(rng, (6, 36)) * scene.scale)
    rows = 2 * (scene.height + scene.width)
    profile = np.zeros(rows, np.float32)
    at = np.cumsum(apart * rng.uniform(0.6, 1.4, int(rows / apart)))
    profile[at[at < rows].astype(int)] = 1
    profile = blurred(profile[:, None], max(0.7, apart * rng.uniform(0.06, 0.16)))
    profile /= max(1e-6, float(profile.max()))
    uneven = smooth_noise(rng, rows // 4, rows // 16, (apart / 4 + 1, 12))
    uneven = np.clip(0.6 + 0.5 * cv2.resize(uneven, (rows, rows // 4)), 0, 1.3)
    field = cv2.resize(uneven, (rows // 2, rows)) * profile
    if rng.uniform() < 0.5:
        field = np.ascontiguousarray(field.T)
    groove = np.clip(scene.project(field), 0, 1)
    tint(scene.pixels, groove, rng.uniform(0.45, 0.95))
    emboss(scene, -groove, spread(rng, (0.04, 0.4)))
    return groove


def _tie_holes(rng: np.random.Generator, scene: Scene) -> Field:
    apart = max(50.0, spread(rng, (120, 500)) * scene.scale)
    radius = float(np.clip(spread(rng, (3, 16)) * scene.scale, 2, 30))
    left, top, right, bottom = scene.extent()
    x, y = np.meshgrid(np.arange(left, right, apart), np.arange(top, bottom, apart))
    middles = np.stack([x.ravel(), y.ravel()], axis=1) + rng.uniform(0, apart, 2)
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    circle = radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    layer = scene.layer()
    for middle in middles[:400]:
        fill(layer, scene.place(middle + circle * rng.uniform(0.85, 1.15)))
    hole = soften(layer, 0.8)
    tint(scene.pixels, hole, rng.uniform(0.12, 1.25))
    emboss(scene, -hole, spread(rng, (0.1, 0.6)), max(1.0, radius / 5))
    return hole


def _steps(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw treads in the light and risers in the shade, each with a dark crease and a lit edge."""
    tread = max(24.0, spread(rng, (60, 260)) * scene.scale)
    riser = tread * rng.uniform(0.25, 0.8)
    lines = lines_across(rng, scene, int(rng.integers(1, 9)), tread + riser, 0.03)
    layer, edge, crease = scene.layer(), scene.layer(), scene.layer()
    down = _across(lines[0]) * riser
    for line in lines:
        fill(layer, np.concatenate([line, (line + down)[::-1]]))
        fill(edge, ribbon(line, np.full(len(line), max(1.2, 0.04 * riser))))
        fill(crease, ribbon(line + down, np.maximum(rng.normal(2.5, 0.5, len(line)), 1)))
    tint(scene.pixels, soften(layer, 0.8), rng.uniform(0.35, 0.9))
    tint(scene.pixels, soften(edge, 0.8), rng.uniform(1.0, 1.35))
    gone = soften(crease, rng.uniform(0.7, 2.5))
    tint(scene.pixels, gone, rng.uniform(0.2, 0.7))
    return np.maximum(gone, soften(edge, 0.8))


def _edge(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw what lies beyond the edge of a slab: soil, grass, water, or the sky."""
    line = lines_across(rng, scene, 1, 1.0, 0.15)[0]
    wave = rng.normal(0, 1, len(line)) * rng.uniform(0, 5) * scene.scale
    line = line + wave[:, None] * _across(line)
    layer = scene.layer()
    away = rng.choice((-1, 1)) * 6000 * _across(line)
    fill(layer, np.concatenate([line, line[[-1, 0]] + away]))
    # Most of the picture stays a slab.
    if layer.mean() > 110:
        layer = 255 - layer
    beyond = soften(layer, rng.uniform(0.6, 1.5))
    shade = np.clip(blurred(beyond, spread(rng, (2, 20))) - beyond, 0, 1)
    tint(scene.pixels, shade, rng.uniform(0.3, 1.1))
    size = scene.height, scene.width
    sky = rng.uniform() < 0.25
    if sky:
        noise = fractal_noise(rng, *size, (60, 60), (0.01, 0.02, 0.03))
        colour = np.array(SKIES[rng.integers(len(SKIES))])
    else:
        noise = fractal_noise(rng, *size, (2, rng.uniform(2, 6)), (0.25, 0.2, 0.15, 0.12, 0.1))
        colour = np.array(SOILS[rng.integers(len(SOILS))])
    for plane, value in zip(scene.pixels, colour, strict=True):
        plane += beyond * (np.float32(value) * np.clip(1 + noise, 0.1, 2.5) - plane)
    if not sky:
        litter = blotches(rng, *size, (4, 14), (1.8, 2.8), (0.3, 0.8))
        tint(scene.pixels, litter * blurred(beyond, 6), rng.uniform(0.5, 1.3))
    scene.beyond = beyond
    return beyond


SEAMS = {
    "expansion_joint": Kind(
        _grooves((4, 60), (1, 3), (300, 1200), ("open", "sealant", "soil", "mortar")), 0.12),
    "saw_cut": Kind(_grooves((1.5, 8), (1, 4), (90, 700), ("open", "open", "sealant")), 0.10),
    "fin": Kind(_grooves((1.5, 8), (1, 4), (60, 500), ("raised",)), 0.04),
    "formwork_seam": Kind(_formwork, 0.14),
    "tines": Kind(_tines, 0.07),
    "tie_holes": Kind(_tie_holes, 0.07),
    "steps": Kind(_steps, 0.06),
    "edge": Kind(_edge, 0.09),
}  # fmt: skip
