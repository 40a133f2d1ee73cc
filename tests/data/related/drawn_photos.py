"""Drawn photographs whose crops overlap."""

from functools import cache

import numpy as np

from src.data.drawn.photograph import draw_photograph


@cache
def drawn_photo(number: int) -> np.ndarray:
    """Photo (500, 760, 3) uint8."""
    rng = np.random.default_rng([5, number])
    return draw_photograph(rng, 500, 760, cracked=number % 3 > 0).pixels
