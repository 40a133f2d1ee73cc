"""Floors and walls of flat slabs with more than four sides: crazy paving, and hexagons."""

from collections.abc import Callable

import numpy as np

from src.data.drawn.bonds import irregular_cells, rounded
from src.data.drawn.kinds import Kind
from src.data.drawn.masonry import FILLINGS, draw_units
from src.data.drawn.scene import Field, Scene, Span, spread
from src.data.drawn.stones import STONES


def _flat(
    size: Span, order: Span, gap: Span, cut: Span
) -> Callable[[np.random.Generator, Scene], Field]:
    """Make a function that draws flat slabs, as they broke or as they were cast.

    Args:
        size: span of a slab's size in pixels.
        order: span of the disorder, from 0 (a grid of hexagons) to 1 (at random).
        gap: span of a joint's width as a share of a slab's size.
        cut: span of how far corners are cut, 0 to 0.5.
    """

    def draw(rng: np.random.Generator, scene: Scene) -> Field:
        across = max(20.0, spread(rng, size) * scene.scale)
        cells = irregular_cells(rng, scene, across, rng.uniform(*order))
        for cell in cells[:: max(1, len(cells) // 6)]:
            scene.follow(cell)
        joint, uneven, corner = spread(rng, gap), rng.uniform(0, 0.3), rng.uniform(*cut)
        shares = 1 - joint * np.maximum(rng.normal(1, uneven, len(cells)), 0.3)
        units = np.stack([rounded(c, s, corner) for c, s in zip(cells, shares, strict=True)])
        colour = scene.colour if scene.real else np.array(STONES[rng.integers(len(STONES))])
        filling = np.array(FILLINGS[rng.integers(len(FILLINGS))]) * rng.uniform(0.6, 1.15)
        return draw_units(
            rng,
            scene,
            units,
            colour * rng.uniform(0.8, 1.15),
            filling,
            variety=rng.uniform(0.02, 0.22),
            depth=spread(rng, (0.05, 0.7)),
            rough=min(spread(rng, (0.2, 2.0)) * scene.scale, across * joint / 3, 4.0),
        )

    return draw


SLABS = {
    "crazy_paving": Kind(_flat((70, 420), (0.5, 1.3), (0.02, 0.14), (0.0, 0.08)), 0.06),
    "hexagon": Kind(_flat((60, 260), (0.0, 0.03), (0.015, 0.1), (0.0, 0.02)), 0.02),
}
