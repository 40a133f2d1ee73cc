"""Moving fields, and cracks that end where a slab ends."""

import numpy as np
import pytest

from src.data.drawn.carving import carve
from src.data.drawn.crack_shapes import DrawnCrack
from src.data.drawn.scene import Scene, shifted


@pytest.mark.parametrize("offset", [(18, 0), (-18, 0), (0, 250), (0, -250), (11.6, 0), (40, 40)])
def test_a_field_is_moved_however_far(offset):
    field = np.arange(1200, dtype=np.float32).reshape(100, 12)
    moved = shifted(field, offset)
    assert moved.shape == field.shape
    x, y = (round(n) for n in offset)
    if abs(x) >= 12 or abs(y) >= 100:
        np.testing.assert_array_equal(moved, field)
    else:
        np.testing.assert_array_equal(moved[:, x:], field[:, : 12 - x])


def test_a_crack_leaves_no_trail_beyond_the_edge_of_its_slab():
    x = np.arange(0, 400, 2.0)
    crack = DrawnCrack(np.stack([x, 100 + 5 * np.sin(x / 20)], axis=1), np.full(len(x), 5.0))
    beyond = np.zeros((200, 400), np.float32)
    beyond[:, 200:] = 1
    for seed in range(20):
        scene = Scene(
            pixels=np.full((3, 200, 400), 0.6, np.float32),
            colour=np.full(3, 0.6),
            real=False,
            view=np.eye(3),
            light=np.array([1.0, 0.0]),
            scale=1.0,
            beyond=beyond,
        )
        before = scene.pixels.copy()
        mask = carve(np.random.default_rng(seed), scene, [crack])
        change = np.abs(scene.pixels - before).max(axis=0)
        assert mask[:, :200].any()
        # Dust and light may reach a little further.
        assert np.median(change[95:106, 250:]) < 0.02
        assert not mask[:, 202:].any()
