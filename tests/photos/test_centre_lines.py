"""Linking points to lines with branches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.photos.centre_lines import SHORTEST, centre_lines, length_of, smoothed


def straight(start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    count = round(float(np.hypot(*np.subtract(end, start)))) + 1
    return np.linspace(start, end, count)


def found(*parts: np.ndarray, strength: float = 20.0) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    texture = rng.uniform((0, 0), (400, 300), (400, 2))
    places = np.concatenate([texture, *parts])
    strengths = np.full(len(places), strength)
    strengths[: len(texture)] = rng.uniform(0.2, 1.8, len(texture))
    shuffled = rng.permutation(len(places))
    return centre_lines(places[shuffled], strengths[shuffled])


def test_a_line_is_one_line_from_end_to_end():
    (line,) = found(straight((50, 100), (250, 100)))
    assert length_of(line) == pytest.approx(200, abs=2)
    assert sorted(line[[0, -1], 0]) == pytest.approx([50, 250])


def test_a_branch_is_a_line_of_its_own_that_begins_on_the_trunk():
    trunk, branch = straight((50, 100), (250, 100)), straight((150, 102), (150, 160))
    lines = found(trunk, branch)
    assert [length_of(line) for line in lines] == pytest.approx([200, 60], abs=3)
    assert min(abs(lines[1][[0, -1], 1] - 100)) < 1.5


def test_a_ring_is_cut_open_once():
    angle = np.linspace(0, 2 * np.pi, 300)
    ring = np.stack([200 + 50 * np.cos(angle), 150 + 50 * np.sin(angle)], axis=1)
    assert sum(map(length_of, found(ring))) == pytest.approx(314, rel=0.04)


def test_gaps_are_bridged_only_if_they_are_small():
    near = found(straight((50, 100), (150, 100)), straight((154, 100), (254, 100)))
    far = found(straight((50, 100), (150, 100)), straight((170, 100), (270, 100)))
    assert [len(near), len(far)] == [1, 2]


def test_texture_specks_and_nothing_have_no_line():
    assert found() == []
    assert found(straight((50, 100), (50 + SHORTEST / 2, 100))) == []
    assert centre_lines(np.zeros((0, 2)), np.zeros(0)) == []


@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_smoothing_keeps_the_ends_and_never_lengthens(count, seed):
    line = np.cumsum(np.random.default_rng(seed).normal(1, 1, (count, 2)), axis=0)
    result = smoothed(line)
    assert result.shape == line.shape
    assert result[[0, -1]] == pytest.approx(line[[0, -1]])
    assert length_of(result) <= length_of(line) + 1e-9
