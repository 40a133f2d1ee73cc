"""Windows of both classes are cut from a photograph, and their labels are those of the mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.sources.windows import (
    CRACK_FREE,
    CRACKED,
    Square,
    cut_windows,
    label_at,
    whole_window,
)
from tests.data.sources.photographs import photograph, rule


def cut(seed: int = 0, shape: tuple[int, int] = (300, 400), **options):
    pixels, mask = photograph(*shape)
    rng = np.random.default_rng(seed)
    return cut_windows(pixels, mask, rule(**options), image_size=64, rng=rng)


def test_a_photograph_gives_windows_of_both_classes():
    windows = cut()
    assert [window.label for window in windows] == 4 * [CRACKED] + 4 * [CRACK_FREE]
    assert {(window.pixels.shape, window.pixels.dtype.name) for window in windows} == {
        ((64, 64, 3), "uint8")
    }


@given(st.integers(0, 2**32), st.integers(70, 300), st.integers(70, 300))
def test_cracked_windows_show_the_crack_and_the_others_do_not(seed, height, width):
    for window in cut(seed, (height, width)):
        # Reducing to 64 pixels mixes the dark line with what is beside it.
        assert (window.pixels.min() < 80) == (window.label == CRACKED)


def test_the_same_random_numbers_give_the_same_windows():
    one, other, third = (np.stack([w.pixels for w in cut(seed)]) for seed in (1, 1, 2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, third)


def test_a_photograph_without_cracks_gives_crack_free_windows():
    pixels, mask = photograph(cracked=False)
    windows = cut_windows(pixels, mask, rule(), image_size=64, rng=np.random.default_rng(0))
    assert [window.label for window in windows] == 4 * [CRACK_FREE]


def test_windows_lie_apart():
    assert len(cut(shape=(64, 64), overlap=0.0, scales=[1.0, 1.0])) == 1
    assert Square(0, 0, 10).shared_with(Square(5, 5, 10)) == pytest.approx(0.25)
    assert Square(0, 0, 10).shared_with(Square(2, 2, 4)) == 1
    assert Square(0, 0, 10).shared_with(Square(0, 10, 10)) == 0
    assert Square(0, 0, 10).shared_with(Square(30, 30, 10)) == 0


@pytest.mark.parametrize(
    ("rows", "column", "label"),
    [
        pytest.param(slice(0, 100), 50, CRACKED, id="across the middle"),
        pytest.param(slice(0, 100), 2, None, id="at the rim"),
        pytest.param(slice(45, 55), 50, None, id="short"),
        pytest.param(slice(0, 100), 102, None, id="just outside"),
        pytest.param(slice(0, 100), 115, CRACK_FREE, id="further outside"),
        pytest.param(slice(0, 0), 0, CRACK_FREE, id="none"),
    ],
)
def test_the_label_is_that_of_the_crack_in_the_centre(rows, column, label):
    mask = np.zeros((100, 120), bool)
    mask[rows, column] = True
    wanted = rule(central=0.8, length=0.25, margin=0.08)
    assert label_at(mask, Square(0, 0, 100), wanted) == label


def test_pieces_do_not_add_up_to_a_crack():
    mask = np.zeros((100, 100), bool)
    mask[20:80:10, 50] = True
    assert label_at(mask, Square(0, 0, 100), rule(length=0.25)) is None


def test_a_scale_is_that_of_the_pixels():
    """At scale 0.5 a window of 64 pixels shows 128, so an edge at 64 pixels is in its middle."""
    pixels, mask = photograph(128, 128, cracked=False)
    pixels[:, 64:] = 0
    window, *_ = cut_windows(
        pixels,
        mask,
        rule(scales=[0.5, 0.5], crack_free=1),
        image_size=64,
        rng=np.random.default_rng(0),
    )
    assert window.pixels[:, 32:].max() == 0
    assert window.pixels[:, :32].min() > 90


def test_a_whole_picture_becomes_one_window():
    pixels, _ = photograph(256, 256)
    window = whole_window(pixels, CRACKED, 64)
    assert (window.label, window.pixels.shape) == (CRACKED, (64, 64, 3))
    assert whole_window(window.pixels, CRACKED, 64).pixels is window.pixels
