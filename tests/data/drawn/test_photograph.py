"""Drawn photographs: exact masks, honest distractors, the same bytes for the same seed."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.drawn.photograph import (
    BEFORE_IT,
    DISTRACTORS,
    KINDS,
    DrawnCrack,
    DrawnPhotograph,
    draw_photograph,
)


def drawn(seed: int, height: int = 300, width: int = 400, *, cracked: bool, ground=None):
    rng = np.random.default_rng(seed)
    return draw_photograph(rng, height, width, cracked=cracked, ground=ground)


def excess(crack: DrawnCrack, height: int, width: int) -> np.ndarray:
    """How many pixels each pixel lies outside of a crack; below 0 it lies inside."""
    y, x = np.mgrid[:height, :width]
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(crack.centre, axis=0), axis=1))])
    at = np.arange(0, along[-1], 0.2)
    discs = np.stack([np.interp(at, along, n) for n in (*crack.centre.T, crack.widths)], axis=1)
    seen = ((discs[:, :2] > -20) & (discs[:, :2] < (width + 20, height + 20))).all(axis=1)
    least = np.full((height, width), np.inf)
    for middle_x, middle_y, wide in discs[seen]:
        np.minimum(least, np.hypot(x - middle_x, y - middle_y) - wide / 2, out=least)
    return least


@pytest.mark.parametrize("seed", [1, 2, 3, 6])
def test_the_mask_is_what_lies_within_half_a_width_of_a_centre_line(seed: int) -> None:
    photo = drawn(seed, 80, 120, cracked=True)
    hidden = np.isin(photo.distractors, [1 + DISTRACTORS.index(n) for n in (*BEFORE_IT, "edge")])
    outside = np.min([excess(crack, 80, 120) for crack in photo.cracks], axis=0)
    assert not photo.mask[outside > 0.1].any()
    assert photo.mask[(outside < -0.2) & ~hidden].all()


@pytest.mark.parametrize("seed", range(6))
def test_the_same_seed_draws_the_same_photograph(seed: int) -> None:
    one, two = (drawn(seed, cracked=bool(seed % 2)) for _ in range(2))
    other = drawn(seed + 100, cracked=bool(seed % 2))
    assert (one.pixels == two.pixels).all()
    assert (one.mask == two.mask).all()
    assert (one.distractors == two.distractors).all()
    assert one.kinds == two.kinds
    assert (one.pixels != other.pixels).any()


@pytest.mark.parametrize("kind", ["expansion_joint", "brick", "shadow_edge"])
def test_only_the_kinds_that_are_asked_for_are_drawn(kind: str) -> None:
    rng = np.random.default_rng(4)
    photo = draw_photograph(rng, 300, 400, cracked=False, kinds=[kind])
    assert photo.kinds == (kind,)
    assert set(np.unique(photo.distractors)) <= {0, 1 + DISTRACTORS.index(kind)}


def test_a_kind_that_is_not_known_is_refused() -> None:
    with pytest.raises(KeyError, match="elephant"):
        draw_photograph(np.random.default_rng(4), 30, 40, cracked=False, kinds=["elephant"])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    height=st.integers(64, 300),
    width=st.integers(64, 300),
    cracked=st.booleans(),
)
def test_what_is_returned_describes_the_photograph(
    seed: int, height: int, width: int, cracked: bool
) -> None:
    photo = drawn(seed, height, width, cracked=cracked)
    assert photo.pixels.shape == (height, width, 3)
    assert photo.pixels.dtype == np.uint8
    assert photo.mask.shape == photo.distractors.shape == (height, width)
    assert (photo.mask.dtype, photo.distractors.dtype) == (np.bool_, np.uint8)
    assert photo.mask.any() == bool(photo.cracks) == cracked
    assert set(photo.kinds) <= set(DISTRACTORS)
    named = {DISTRACTORS[number - 1] for number in np.unique(photo.distractors) if number}
    assert named <= set(photo.kinds)
    for crack in photo.cracks:
        assert crack.centre.dtype == crack.widths.dtype == np.float64
        assert crack.centre.shape == (len(crack.widths), 2)
        assert 1 <= crack.widths.min() <= crack.widths.max() <= 15


@pytest.mark.slow
def test_a_crack_changes_only_what_is_near_it() -> None:
    compared = 0
    for seed in range(20):
        cracked, plain = (drawn(seed, cracked=flag) for flag in (True, False))
        if cracked.kinds != plain.kinds:  # something would have hidden the crack
            continue
        # JPEG stores squares of 16 pixels, and a wet rim is broad.
        near = cv2.dilate(cracked.mask.astype(np.uint8), np.ones((121, 121)))
        one, other = (photo.pixels[near == 0].astype(float) for photo in (cracked, plain))
        if not len(one):
            continue
        # The camera exposes a picture with a dark crack a little longer.
        gain = (one * other).sum() / (other * other).sum()
        assert abs(gain - 1) < 0.15
        assert np.median(np.abs(one - gain * other)) <= 4
        compared += 1
    assert compared >= 5


@pytest.mark.slow
def test_most_cracks_are_darker_than_what_is_beside_them() -> None:
    darker = []
    for seed in range(30):
        photo = drawn(seed, cracked=True)
        mask = photo.mask.astype(np.uint8)
        beside = cv2.dilate(mask, np.ones((25, 25))) > cv2.dilate(mask, np.ones((9, 9)))
        grey = photo.pixels.mean(axis=2)
        darker.append(grey[beside].mean() - grey[photo.mask].mean())
    assert np.mean(np.array(darker) > 0) >= 0.8
    assert np.mean(darker) > 15


@pytest.mark.slow
def test_all_kinds_are_drawn_with_cracks_and_without() -> None:
    shown: dict[bool, set[str]] = {True: set(), False: set()}
    for seed in range(260):
        cracked = bool(seed % 2)
        shown[cracked] |= set(drawn(seed, 120, 160, cracked=cracked).kinds)
    missing = {flag: set(DISTRACTORS) - kinds for flag, kinds in shown.items()}
    assert sum(map(len, missing.values())) <= 8, missing
    assert not missing[True] & missing[False]
    assert list(KINDS) == list(DISTRACTORS)


def test_a_real_ground_is_kept_where_nothing_is_drawn() -> None:
    rng = np.random.default_rng(5)
    bumps = cv2.resize(rng.uniform(100, 200, (40, 48)), (240, 200), interpolation=cv2.INTER_CUBIC)
    ground = np.repeat(bumps[..., None], 3, axis=2).clip(0, 255).astype(np.uint8)
    alike = []
    for seed in range(12):
        photo = drawn(seed, 200, 240, cracked=True, ground=ground)
        assert photo.mask.any()
        free = (cv2.dilate(photo.mask.astype(np.uint8), np.ones((41, 41))) == 0) & (
            photo.distractors == 0
        )
        both = [image[free].mean(axis=1) for image in (photo.pixels, ground)]
        if free.sum() > 2000:
            alike.append(np.corrcoef(both[0], both[1])[0, 1])
    assert np.median(alike) > 0.7


def test_a_ground_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(10, 10, 3\), and not \(64, 64, 3\)"):
        drawn(0, 64, 64, cracked=False, ground=np.zeros((10, 10, 3), np.uint8))


@pytest.mark.slow
def test_cracks_are_as_wide_in_large_photographs_as_in_small_ones() -> None:
    def median_width(photos: list[DrawnPhotograph]) -> float:
        return float(np.median([np.median(photo.cracks[0].widths) for photo in photos]))

    small = median_width([drawn(seed, 200, 200, cracked=True) for seed in range(24)])
    large = median_width([drawn(seed, 500, 700, cracked=True) for seed in range(24)])
    assert 0.6 < large / small < 1.7
