"""Grounds without cracks: concrete, plaster and paint, asphalt, coarse aggregate, and stone."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from src.data.drawn.scene import (
    Field,
    Scene,
    Span,
    emboss,
    fractal_noise,
    smooth_noise,
    spread,
    tint,
)

# The lowest and highest brightness of each ground, and the most that red and blue differ from it.
GREYS: dict[str, tuple[Span, float]] = {
    "concrete": ((0.30, 0.88), 0.05),
    "plaster": ((0.55, 0.95), 0.04),
    "asphalt": ((0.16, 0.52), 0.03),
    "aggregate": ((0.32, 0.72), 0.04),
    "stone": ((0.28, 0.80), 0.08),
}
# Paints of walls: red, green and blue.
PAINTS = (
    (0.93, 0.92, 0.88),
    (0.90, 0.84, 0.68),
    (0.88, 0.78, 0.52),
    (0.82, 0.66, 0.52),
    (0.72, 0.42, 0.34),
    (0.62, 0.70, 0.60),
    (0.58, 0.70, 0.80),
    (0.85, 0.72, 0.70),
    (0.50, 0.52, 0.54),
    (0.38, 0.44, 0.50),
)
# Standard deviations of concrete's grain: bumps of 1.7 pixels, 3.4, 6.8 and so on.
GRAIN = (0.016, 0.018, 0.016, 0.013, 0.010, 0.009, 0.010, 0.012, 0.018)
COARSENESS = 0.55  # largest change of the logarithm of a grain's contrast
STAINS = 1.3  # mean number of kinds of stain on a ground
BRUSHED = 0.15  # share of grounds whose grain was stretched by a brush or trowel


def draw_ground(rng: np.random.Generator, scene: Scene) -> None:
    """Draw one of the grounds at random into an empty scene."""
    name = rng.choice(list(GROUNDS), p=SHARES)
    colour = _colour(rng, name)
    scene.colour = colour
    scene.pixels[:] = colour.astype(np.float32)[:, None, None]
    GROUNDS[name](rng, scene)


def _colour(rng: np.random.Generator, name: str) -> npt.NDArray[np.float64]:
    span, hue = GREYS[name]
    if name == "plaster" and rng.uniform() < 0.6:
        paint = np.array(PAINTS[rng.integers(len(PAINTS))])
        return np.clip(paint * rng.uniform(0.8, 1.08) + rng.normal(0, 0.02, 3), 0.1, 0.97)
    warmth = rng.uniform(-0.3, 1) * hue
    green = rng.normal(0.004, 0.006)
    return np.clip(rng.uniform(*span) + np.array([warmth, green, -warmth]), 0.1, 0.95)


def _concrete(rng: np.random.Generator, scene: Scene) -> None:
    size = scene.height, scene.width
    _stain(rng, scene)
    cell = max(1.5, 1.7 * math.sqrt(scene.scale))
    stretched = cell * rng.uniform(1.3, 2.4) if rng.uniform() < BRUSHED else cell
    cells = (cell, stretched) if rng.uniform() < 0.5 else (stretched, cell)
    grain = fractal_noise(rng, *size, cells, _uneven(rng, GRAIN))
    pores = blotches(rng, *size, (3 * cell / 1.7, 9 * cell / 1.7), (1.9, 3.6), (0.4, 1.2))
    tint(scene.pixels, pores, rng.uniform(0.35, 0.8))
    specks = blotches(rng, *size, (3, 8), (2.2, 3.8), (0.4, 1.2))
    tint(scene.pixels, specks, rng.uniform(1.06, 1.25))
    scene.pixels *= 1 + grain
    emboss(scene, grain + np.float32(0.25) * (specks - pores), rng.uniform(0, 1.3))


def _plaster(rng: np.random.Generator, scene: Scene) -> None:
    size = scene.height, scene.width
    _stain(rng, scene)
    cell = spread(rng, (1.6, 6.0)) * scene.scale**0.5
    fine = _uneven(rng, (0.010, 0.008, 0.004, 0.003, 0.004, 0.006, 0.008, 0.012))
    scene.pixels *= 1 + fractal_noise(rng, *size, (1.6, 1.6), fine)
    # From smooth paint to rough-cast.
    rough = fractal_noise(rng, *size, (cell, cell), (0.6, 0.5, 0.3))
    emboss(scene, rough, spread(rng, (0.004, 0.16)), max(1.0, cell / 3))
    if rng.uniform() < 0.25:  # paint has peeled off
        peeled = blotches(rng, *size, (60, 250), (1.2, 2.4), (0.02, 0.15))
        tint(scene.pixels, peeled, rng.uniform(0.6, 1.1) + rng.normal(0, 0.05, 3))
        emboss(scene, -peeled, rng.uniform(0.05, 0.35))


def _asphalt(rng: np.random.Generator, scene: Scene) -> None:
    size = scene.height, scene.width
    cell = max(1.4, spread(rng, (1.4, 4.5)) * scene.scale**0.5)
    stones = smooth_noise(rng, *size, (cell, cell))
    stones += np.float32(0.6) * smooth_noise(rng, *size, (1.7 * cell, 1.7 * cell))
    contrast = spread(rng, (0.05, 0.22))
    scene.pixels *= np.clip(1 + np.float32(contrast) * stones, 0.25, 2.2)
    emboss(scene, stones, contrast * rng.uniform(0, 1))
    _stain(rng, scene)
    broad = (0.02, 0.02, 0.03, 0.04)
    scene.pixels *= 1 + fractal_noise(rng, *size, (25, 25), _uneven(rng, broad))


def _aggregate(rng: np.random.Generator, scene: Scene) -> None:
    _concrete(rng, scene)
    size = scene.height, scene.width
    cell = max(2.0, spread(rng, (2.5, 9)) * scene.scale)
    rarity = rng.uniform(0.6, 2.2)
    for shade in (rng.uniform(1.1, 1.5), rng.uniform(0.55, 0.9)):
        stones = blotches(rng, *size, (cell, 1.6 * cell), (rarity, rarity + 0.3), (0.25, 0.7))
        tint(scene.pixels, stones, shade + rng.normal(0, 0.03, 3))
        emboss(scene, stones, rng.uniform(0, 0.3))


def _stone(rng: np.random.Generator, scene: Scene) -> None:
    size = scene.height, scene.width
    cell = spread(rng, (1.6, 4))
    stretch = spread(rng, (1, 6)) if rng.uniform() < 0.3 else 1.0
    grain = _uneven(rng, (0.035, 0.03, 0.02, 0.02, 0.025, 0.03, 0.03, 0.03))
    layers = fractal_noise(rng, *size, (cell, cell * stretch), grain)
    scene.pixels *= np.maximum(1 + layers, 0.2)
    emboss(scene, layers, rng.uniform(0, 2.0))
    _stain(rng, scene)


def _stain(rng: np.random.Generator, scene: Scene) -> None:
    for _ in range(rng.poisson(STAINS)):
        scale = max(scene.scale, 0.6)
        stain = blotches(
            rng, scene.height, scene.width, (25 * scale, 160 * scale), (0.3, 1.6), (0.2, 1.2)
        )
        tint(scene.pixels, stain, rng.uniform(0.78, 1.12) + rng.normal(0, 0.01, 3))


def blotches(
    rng: np.random.Generator, height: int, width: int, size: Span, rarity: Span, softness: Span
) -> Field:
    """Draw the coverage (height, width), 0 to 1, of scattered ragged blotches.

    Args:
        rng: the random generator.
        height: height in pixels.
        width: width in pixels.
        size: span of the blotches' size in pixels.
        rarity: span of the height, in standard deviations, above which noise is a blotch.
        softness: span of the height over which a blotch's edge fades.
    """
    cell = max(2.0, rng.uniform(*size))
    octaves = 1 + min(3, max(0, math.floor(math.log2(cell / 2))))
    noise = fractal_noise(
        rng, height, width, (cell / 2 ** (octaves - 1),) * 2, (0.25, 0.35, 0.6, 1.0)[-octaves:]
    )
    noise -= np.float32(rng.uniform(*rarity))
    noise /= np.float32(rng.uniform(*softness))
    return np.clip(noise, 0, 1, out=noise)


def _uneven(rng: np.random.Generator, deviations: tuple[float, ...]) -> tuple[float, ...]:
    """Change the contrast of a ground's grain as a whole, and of each size of bump."""
    whole = rng.uniform(-COARSENESS, COARSENESS)
    changes = np.exp(whole + rng.uniform(-COARSENESS, COARSENESS, len(deviations)))
    return tuple(float(n) for n in np.array(deviations) * changes)


GROUNDS: dict[str, Callable[[np.random.Generator, Scene], None]] = {
    "concrete": _concrete,
    "plaster": _plaster,
    "asphalt": _asphalt,
    "aggregate": _aggregate,
    "stone": _stone,
}
SHARES = (0.38, 0.24, 0.16, 0.12, 0.10)
