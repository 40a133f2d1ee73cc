"""Damage that is no crack: spalls, holes of air, scratches, tool marks, and mended places."""

import numpy as np

from src.data.drawn.grounds import blotches
from src.data.drawn.kinds import Kind
from src.data.drawn.scene import (
    Field,
    Scene,
    blurred,
    emboss,
    fill,
    shifted,
    smooth_noise,
    soften,
    spread,
    stroke,
    tint,
)


def _spalls(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw places where the surface broke off; stones show, and an edge throws a shadow."""
    size = scene.height, scene.width
    scale = max(scene.scale, 0.5)
    hollow = blotches(rng, *size, (20 * scale, 110 * scale), (1.5, 2.6), (0.03, 0.2))
    stones = smooth_noise(rng, *size, (max(2.0, 4 * scale),) * 2)
    tint(scene.pixels, hollow, rng.uniform(0.65, 1.15) * (1 + rng.normal(0, 0.02, 3)))
    scene.pixels *= 1 + np.float32(rng.uniform(0.03, 0.2)) * stones * hollow
    shade = hollow * (1 - shifted(hollow, -scene.light * spread(rng, (1, 7)) * scale))
    scene.pixels *= 1 - np.float32(rng.uniform(0.1, 0.6)) * blurred(shade, 0.8)
    emboss(scene, -hollow, spread(rng, (0.08, 0.5)))
    return hollow


def _air_holes(rng: np.random.Generator, scene: Scene) -> Field:
    layer = scene.layer()
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    for _ in range(1 + rng.poisson(min(120, rng.uniform(1, 8) * scene.units))):
        radius = max(1.0, spread(rng, (1, 8)) * scene.scale)
        shape = radius * np.exp(rng.normal(0, 0.15, 12))[:, None]
        shape = shape * np.stack([np.cos(turn), rng.uniform(0.6, 1) * np.sin(turn)], axis=1)
        fill(layer, shape + rng.uniform(0, 1, 2) * (scene.width, scene.height))
    hole = soften(layer, 0.6)
    tint(scene.pixels, hole, rng.uniform(0.2, 0.8))
    emboss(scene, -hole, rng.uniform(0.1, 0.5))
    return hole


def _scratches(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw thin smooth curves, pale or dark, single or side by side."""
    layer = scene.layer()
    for _ in range(1 + rng.poisson(min(20, 0.7 * scene.units))):
        turns = rng.normal(rng.normal(0, 0.02), 0.05, rng.integers(10, 80))
        headings = rng.uniform(0, 2 * np.pi) + np.cumsum(turns)
        steps = 4 * scene.scale * np.stack([np.cos(headings), np.sin(headings)], axis=1)
        points = rng.uniform(0, 1, 2) * (scene.width, scene.height) + np.cumsum(steps, axis=0)
        for _ in range(1 + (rng.uniform() < 0.3) * rng.integers(1, 6)):
            points = points + rng.normal(0, 5, 2) * scene.scale
            stroke(layer, points, int(rng.integers(1, 3)), int(rng.integers(60, 230)))
    scratch = soften(layer, 0.7)
    tint(scene.pixels, scratch, rng.choice((rng.uniform(0.5, 0.9), rng.uniform(1.08, 1.4))))
    emboss(scene, -scratch, rng.uniform(0, 0.3))
    return scratch


def _trowel(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw ridges that a trowel or a float left, in sweeps side by side."""
    layer = scene.layer()
    reach = spread(rng, (60, 500)) * scene.scale
    for _ in range(1 + rng.poisson(min(9, 0.8 * scene.units))):
        middle = rng.uniform(0, 1, 2) * (scene.width, scene.height)
        start, sweep = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.6)
        at = start + np.linspace(0, sweep, 30)
        for number in range(rng.integers(1, 6)):
            radius = reach * (1 + number * rng.uniform(0.03, 0.12))
            arc = middle + radius * np.stack([np.cos(at), np.sin(at)], axis=1)
            stroke(layer, arc, spread(rng, (1, 4)), int(rng.integers(80, 255)))
    ridge = soften(layer, rng.uniform(0.8, 2))
    emboss(scene, rng.choice((-1, 1)) * ridge, spread(rng, (0.05, 0.4)), rng.uniform(1, 3))
    tint(scene.pixels, ridge, rng.uniform(0.8, 1.12))
    return ridge


def _patches(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw places that were mended in another shade, with a ragged or a sawn edge."""
    layer, ragged = scene.layer(), rng.uniform(0, 0.08) * (rng.uniform() < 0.7)
    for _ in range(1 + rng.poisson(min(3, 0.08 * scene.units))):
        half = np.array([spread(rng, (25, 220)), spread(rng, (25, 220))]) * scene.scale
        side = np.linspace(-1, 1, 12)
        one = np.ones(12)
        outline = np.concatenate(
            [
                np.stack(pair, axis=1)
                for pair in ((side, -one), (one, side), (-side, one), (-one, -side))
            ]
        )
        outline = outline * (1 + rng.normal(0, 1, (48, 1)) * ragged) * half
        left, top, right, bottom = scene.extent()
        fill(layer, scene.place(outline + rng.uniform((left, top), (right, bottom))))
    patch = soften(layer, rng.uniform(0.6, 1.5))
    tint(scene.pixels, patch, rng.uniform(0.7, 1.2) + rng.normal(0, 0.015, 3))
    emboss(scene, rng.choice((-1, 1)) * patch, spread(rng, (0.03, 0.5)))
    rim = np.clip(blurred(patch, 2) - patch, 0, 1) * 2
    tint(scene.pixels, rim, rng.uniform(0.4, 1.1))
    return patch


DAMAGE = {
    "spall": Kind(_spalls, 0.07),
    "air_hole": Kind(_air_holes, 0.09),
    "scratch": Kind(_scratches, 0.09),
    "tool_mark": Kind(_trowel, 0.06),
    "patch": Kind(_patches, 0.06),
}
