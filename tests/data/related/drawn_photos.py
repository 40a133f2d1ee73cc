"""Drawn photographs whose crops overlap."""

from functools import cache

import numpy as np

from src.data.drawn.pictures import draw_photo


@cache
def drawn_photo(number: int) -> np.ndarray:
    """Photo (500, 760, 3) uint8."""
    rng = np.random.default_rng([5, number])
    return draw_photo(rng, width=760, height=500, cracks=number % 3)[0]
