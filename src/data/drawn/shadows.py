"""Shadows that are cast from outside the picture, with soft and hard edges."""

import numpy as np

from src.data.drawn.kinds import Kind
from src.data.drawn.objects import bent_line, grown
from src.data.drawn.scene import (
    Field,
    Scene,
    blurred,
    fill,
    ribbon,
    smooth_noise,
    soften,
    spread,
    stroke,
    tint,
)


def _fall(rng: np.random.Generator, scene: Scene, shadow: Field) -> Field:
    """Darken the picture; what lies in the shadow gets the blue light of the sky alone."""
    depth = rng.uniform(0.25, 0.8)
    tint(scene.pixels, shadow, depth * np.array((1 - 0.06 * (1 - depth), 1, 1 + 0.1 * (1 - depth))))
    return shadow


def _edge_of_shadow(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw the shadow of something large: one side of a line, straight or wavy."""
    line = bent_line(rng, scene, rng.choice((0.0, rng.uniform(0, 0.3))))
    away = rng.choice((-1, 1)) * 5000 * np.array([-1, 1]) * (line[-1] - line[0])[::-1]
    away /= np.linalg.norm(line[-1] - line[0])
    layer = scene.layer()
    fill(layer, np.concatenate([line, line[[-1, 0]] + away]))
    shadow = soften(layer, spread(rng, (0.6, 30)))
    if rng.uniform() < 0.3:  # foliage
        holes = smooth_noise(rng, scene.height, scene.width, (rng.uniform(15, 60),) * 2)
        shadow = shadow * np.clip(0.7 + holes / np.float32(rng.uniform(0.3, 1.2)), 0, 1)
    return _fall(rng, scene, shadow)


def _branches(rng: np.random.Generator, scene: Scene) -> Field:
    layer = scene.layer()
    for _ in range(rng.integers(1, 4)):
        length = spread(rng, (0.3, 1.2)) * max(scene.height, scene.width)
        foot = rng.uniform(-0.1, 1.1, 2) * (scene.width, scene.height)
        thick = spread(rng, (2, 14)) * scene.scale**0.5
        for stem in grown(rng, foot, rng.uniform(0, 2 * np.pi), length):
            share = len(stem) / (length / 6)
            fill(layer, ribbon(stem, np.linspace(max(1.5, thick * share), 1, len(stem))))
    return _fall(rng, scene, soften(layer, spread(rng, (0.7, 6))))


def _bars(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw the shadow of a railing, a fence, or one wire."""
    layer, thick = scene.layer(), max(1.5, spread(rng, (2, 30)) * scene.scale)
    for _ in range(rng.integers(1, 3)):
        line = bent_line(rng, scene, rng.choice((0.0, 0.05)))
        aside = np.array([-(line[-1] - line[0])[1], (line[-1] - line[0])[0]])
        aside *= thick * rng.uniform(2.5, 10) / np.linalg.norm(aside)
        for number in range(rng.integers(1, 14)):
            stroke(layer, line + (number - 4) * aside, thick)
    return _fall(rng, scene, soften(layer, spread(rng, (0.6, 0.5 * thick + 1))))


def _dapple(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw the broken shadow of leaves."""
    cell = spread(rng, (12, 120)) * max(scene.scale, 0.6)
    noise = smooth_noise(rng, scene.height, scene.width, (cell, cell))
    noise += 0.6 * smooth_noise(rng, scene.height, scene.width, (cell / 3 + 1, cell / 3 + 1))
    shadow = np.clip((noise - rng.uniform(-0.4, 1)) / np.float32(rng.uniform(0.15, 1)), 0, 1)
    return _fall(rng, scene, blurred(shadow.astype(np.float32), rng.uniform(0.6, 3)))


SHADOWS = {
    "shadow_edge": Kind(_edge_of_shadow, 0.12),
    "branch_shadow": Kind(_branches, 0.06),
    "bar_shadow": Kind(_bars, 0.06),
    "dapple": Kind(_dapple, 0.05),
}
