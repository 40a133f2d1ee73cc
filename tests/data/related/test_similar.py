"""Similar pictures: all are found that a comparison of every two finds, in less than all work."""

import numpy as np
import pytest

import src.data.related.similar
from src.data.related.similar import similar_pairs, upright_copies
from src.data.related.twins import TURNS, normalised
from src.errors import InputError

SIZE = 8
ALIKE = 0.98
MOST = 100_000


def pictures(rng: np.random.Generator, count: int, slope: float) -> np.ndarray:
    """Noise on a slope of light, which makes all pictures similar to each other if it is steep."""
    light = rng.standard_normal((count, 2, 1, 1)) * slope
    down, across = np.linspace(-1, 1, SIZE)[:, None], np.linspace(-1, 1, SIZE)
    noise = rng.standard_normal((count, SIZE, SIZE))
    return normalised((noise + light[:, 0] * down + light[:, 1] * across).astype(np.float32), 0)


def with_twins(vectors: np.ndarray, rng: np.random.Generator, correlation: float) -> np.ndarray:
    """Add to each picture a turned one, with just the given correlation."""
    noise = normalised(rng.standard_normal(vectors.shape).astype(np.float32), 0)
    noise -= (noise * vectors).sum(axis=(1, 2), keepdims=True) * vectors
    noise = normalised(noise, 0)
    near = correlation * vectors + np.sqrt(1 - correlation**2) * noise
    turns = list(TURNS.values())
    turned = [turns[i % len(turns)](near[i : i + 1])[0] for i in range(len(near))]
    return np.concatenate([vectors, np.stack(turned)]).astype(np.float32)


@pytest.mark.parametrize("slope", [0, 1, 4])
def test_twins_at_the_threshold_are_all_found(slope: float) -> None:
    rng = np.random.default_rng(2)
    vectors = with_twins(pictures(rng, 500, slope), rng, ALIKE + 1e-4)
    pairs = similar_pairs(vectors, TURNS, threshold=ALIKE, most=MOST)
    planted = {(row, row + 500) for row in range(500)}
    assert planted <= set(map(tuple, pairs.tolist()))
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_few_others_are_proposed() -> None:
    rng = np.random.default_rng(3)
    vectors = with_twins(pictures(rng, 500, 1), rng, ALIKE + 1e-4)
    # A comparison of every two would look at 4 million turned pairs.
    assert len(similar_pairs(vectors, TURNS, threshold=ALIKE, most=MOST)) < 2 * 500


@pytest.mark.parametrize("slope", [0, 4])
def test_two_similar_pictures_are_turned_alike_at_least_once(slope: float) -> None:
    rng = np.random.default_rng(4)
    vectors = with_twins(pictures(rng, 200, slope), rng, 0.9)
    radius = np.sqrt(2 - 2 * 0.9) + 1e-4
    copies = upright_copies(vectors, TURNS, radius)
    ways = {row: [k for k, rows in copies.items() if row in rows] for row in range(400)}
    for row in range(200):
        apart = [
            np.linalg.norm(TURNS[one](vectors[None, row]) - TURNS[other](vectors[None, row + 200]))
            for one in ways[row]
            for other in ways[row + 200]
        ]
        assert min(apart) <= radius


def test_pictures_with_a_clear_slope_are_turned_in_few_ways() -> None:
    vectors = pictures(np.random.default_rng(5), 500, 4)
    copies = upright_copies(vectors, TURNS, 0.2)
    assert 500 <= sum(map(len, copies.values())) < 2 * 500


def test_the_seed_gives_the_same_pairs() -> None:
    rng = np.random.default_rng(6)
    vectors = with_twins(pictures(rng, 100, 1), rng, 0.99)
    one, other = (
        similar_pairs(vectors, TURNS, threshold=ALIKE, most=MOST, seed=1) for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)


def test_of_many_alike_all_pairs_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(src.data.related.similar, "BLOCK", 7)
    vectors = np.repeat(pictures(np.random.default_rng(7), 1, 1), 30, axis=0)
    pairs = similar_pairs(vectors, TURNS, threshold=ALIKE, most=MOST)
    assert len(pairs) == 30 * 29 // 2


def test_more_pairs_than_can_be_held_are_refused_before_they_are_held() -> None:
    vectors = np.repeat(pictures(np.random.default_rng(9), 1, 1), 30, axis=0)
    with pytest.raises(InputError, match=r"more than 100 pairs .* above 0.98: raise audit"):
        similar_pairs(vectors, TURNS, threshold=ALIKE, most=100)


def test_no_or_one_picture_has_no_pairs() -> None:
    for count in (0, 1):
        vectors = pictures(np.random.default_rng(8), count, 1)
        assert similar_pairs(vectors, TURNS, threshold=ALIKE, most=MOST).shape == (0, 2)
