"""Ground that is not of one piece and can't crack: gravel, and turf."""

import numpy as np

from src.data.drawn.bonds import irregular_cells, rounded
from src.data.drawn.kinds import Kind
from src.data.drawn.scene import (
    Field,
    Image,
    Palette,
    Scene,
    blurred,
    emboss,
    fill,
    ribbon,
    smooth_noise,
    spread,
)
from src.data.drawn.stones import STONES, lay_stones

TURF: Palette = ((0.25, 0.36, 0.12), (0.40, 0.44, 0.20), (0.58, 0.52, 0.30), (0.42, 0.42, 0.40))
EVERYWHERE = 0.6  # share of photographs in which it covers all of the ground
BLADES = 9000  # largest number of blades of grass


def _gravel(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw loose stones, heaped over what was there."""
    across = max(6.0, spread(rng, (10, 70)) * scene.scale)
    cells = irregular_cells(rng, scene, across, rng.uniform(0.8, 1.6))
    share = rng.uniform(0.85, 1.0)
    stones = np.stack([rounded(cell, share, rng.uniform(0.0, 0.2)) for cell in cells])
    before = scene.pixels.copy()
    scene.pixels[:] = scene.colour[:, None, None]
    lay_stones(rng, scene, stones, STONES, across)
    return _part_of(rng, scene, before)


def _turf(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw blades of grass, one over the other."""
    before = scene.pixels.copy()
    layer, long = scene.layer(), spread(rng, (18, 120)) * scene.scale
    wide = max(1.0, long * spread(rng, (0.03, 0.1)))
    count = min(BLADES, round(3 * scene.height * scene.width / (long * wide)))
    feet = rng.uniform(0, 1, (count, 2)) * (scene.width, scene.height)
    turns, bends = rng.uniform(0, 2 * np.pi, count), rng.normal(0, 0.4, count)
    lengths, at = long * rng.uniform(0.3, 1.2, count), np.linspace(0, 1, 5)
    for foot, turn, bend, length in zip(feet, turns, bends, lengths, strict=True):
        along = np.array([np.cos(turn), np.sin(turn)])
        across = np.array([-along[1], along[0]])
        blade = foot + length * (np.outer(at, along) + bend * np.outer(at**2, across))
        fill(layer, ribbon(blade, np.linspace(wide, 0.6, 5)), int(rng.integers(40, 256)))
    height = blurred(layer.astype(np.float32) / np.float32(255), 0.7)
    colour = np.array(TURF[rng.integers(len(TURF))])
    dark = np.float32(rng.uniform(0.1, 0.5))
    for plane, value in zip(scene.pixels, colour, strict=True):
        plane[:] = np.float32(value) * (dark + np.float32(1.3) * height)
    emboss(scene, height, rng.uniform(0, 0.8))
    return _part_of(rng, scene, before)


def _part_of(rng: np.random.Generator, scene: Scene, before: Image) -> Field:
    """Leave the ground as it was beyond a ragged border, and return what is covered."""
    size = scene.height, scene.width
    if rng.uniform() < EVERYWHERE:
        return np.ones(size, np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[: scene.height, : scene.width].astype(np.float32)
    far = np.cos(turn) * (x / scene.width - 0.5) + np.sin(turn) * (y / scene.height - 0.5)
    far += rng.uniform(0, 0.04) * smooth_noise(rng, *size, (20, 20))
    covered = np.clip((far - rng.uniform(-0.3, 0.4)) * 60, 0, 1).astype(np.float32)
    scene.pixels[:] = before + covered * (scene.pixels - before)
    return covered


LOOSE_GROUND = {
    "gravel": Kind(_gravel, 0.05, covers=True),
    "turf": Kind(_turf, 0.04, covers=True),
}
