"""Units of masonry: pieces break off their edges, and nothing grows."""

import numpy as np

from src.data.drawn.masonry import CHIPPED, chipped
from src.data.drawn.scene import Scene


def test_pieces_break_off_the_edges_of_units_in_some_pictures() -> None:
    rng = np.random.default_rng(0)
    pixels = np.ones((3, 120, 160), np.float32)
    view, light = np.eye(3), np.array([1.0, 0.0])
    scene = Scene(pixels, colour=np.ones(3), real=False, view=view, light=light, scale=1.0)
    whole = scene.layer()
    whole[10:110, 10:75], whole[10:110, 85:150] = 1, 2
    changed = 0
    for _ in range(100):
        left = chipped(rng, scene, whole.copy())
        lost = left != whole
        assert (left[lost] == 0).all()
        # The middle of a unit is farther from its edges than any piece.
        assert not lost[50:70, 38:48].any()
        changed += lost.any()
    assert abs(changed / 100 - CHIPPED) < 0.15
