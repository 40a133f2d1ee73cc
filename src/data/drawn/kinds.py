"""What a distractor is: something in a photograph that may be taken for a crack."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from src.data.drawn.scene import Field, Scene


@dataclass(frozen=True)
class Kind:
    """One kind of distractor.

    Attributes:
        draw: draws it into a scene, and returns where it lies, (height, width) from 0 to 1.
        chance: share of the photographs in which it is.
        covers: whether it lies above a crack and hides it.
    """

    draw: Callable[[np.random.Generator, Scene], Field]
    chance: float
    covers: bool = False
