"""Landmarks: found wherever the image is turned, apart from each other, and matched when turned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.related.landmarks import find_landmarks, turnless
from src.data.related.overlaps import BACK
from src.data.related.twins import TURNS
from tests.data.related.drawn_photos import drawn_photo


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0), kind=st.sampled_from(list(TURNS)))
def test_turned_windows_stay_alike_and_others_are_never_closer_than_they_are(seed, kind) -> None:
    windows = 50 * np.random.default_rng(seed).standard_normal((2, 8, 8))
    one, other = turnless(windows)
    np.testing.assert_allclose(turnless(TURNS[kind](windows)), [one, other], atol=1e-9)
    assert np.linalg.norm(one - other) <= np.linalg.norm(windows[0] - windows[1])


@pytest.mark.parametrize("kind", TURNS)
def test_landmarks_turn_with_the_image(kind: str) -> None:
    grey = drawn_photo(0)[:227, :227, 0].astype(np.float32)
    options = {"window": 40, "spacing": 16, "min_contrast": 1.0}
    points, _ = find_landmarks(grey, **options)
    turned, _ = find_landmarks(np.ascontiguousarray(TURNS[kind](grey[None])[0]), **options)
    assert len(points) > 5
    assert sorted(map(tuple, turned @ BACK[kind].T)) == sorted(map(tuple, points))


def test_landmarks_keep_their_distances_and_their_windows_inside() -> None:
    grey = drawn_photo(1)[..., 0].astype(np.float32)
    points, windows = find_landmarks(grey, window=40, spacing=16, min_contrast=1.0)
    apart = np.abs(points[:, None] - points[None]).max(axis=2) + 99 * np.eye(len(points))
    assert apart.min() > 16
    assert (np.abs(points) <= (np.array(grey.shape) - 1) / 2 - 19).all()
    assert windows.shape == (len(points), 8, 8)
    fewer, _ = find_landmarks(grey, window=40, spacing=16, min_contrast=20.0)
    assert {*map(tuple, fewer)} < {*map(tuple, points)}
