"""Paired tests and intervals against the textbook's and against brute force."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.statistics.paired_tests import difference_interval, holm, sign_flip_test

outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)
grouped = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(0, 6)), min_size=1, max_size=40
)


def as_arrays(rows) -> tuple[np.ndarray, ...]:
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def disagreeing(only_first: int, only_second: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Of so many images the first classifier alone has some wrong, and the second alone some."""
    first, second = np.ones(images, bool), np.ones(images, bool)
    first[:only_first] = False
    second[only_first : only_first + only_second] = False
    return first, second


@given(outcomes)
def test_of_single_images_it_is_mcnemars_exact_test(pairs):
    first, second = as_arrays(pairs)
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    tail = sum(comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    assert sign_flip_test(first, second, np.arange(len(first))) == pytest.approx(min(1, 2 * tail))


@given(grouped)
def test_all_exchanges_of_groups_are_counted(rows):
    first, second, groups = as_arrays(rows)
    more = [int((second.astype(int) - first)[groups == group].sum()) for group in set(groups)]
    sums = [abs(np.dot(signs, more)) for signs in product((-1, 1), repeat=len(more))]
    expected = np.mean([total >= abs(sum(more)) for total in sums])
    assert sign_flip_test(first, second, groups) == pytest.approx(expected)
    assert sign_flip_test(second, first, groups) == pytest.approx(expected)


@given(grouped, st.integers(2, 4))
def test_copies_of_images_do_not_change_the_test(rows, copies):
    first, second, groups = as_arrays(rows)
    copied = (np.repeat(column, copies) for column in (first, second, groups))
    assert sign_flip_test(*copied) == pytest.approx(sign_flip_test(first, second, groups))


def test_interval_is_the_textbooks():
    # Airway hyper-responsiveness before and after a transplantation (Bentur et al. 2009): Tango's
    # interval as Fagerland, Lydersen and Laake (2014) give it.
    first, second = disagreeing(1, 7, 21)
    found = difference_interval(first, second, np.arange(21))
    assert found == pytest.approx((-0.517, -0.026), abs=5e-4)


@pytest.mark.parametrize("size", [1, 3])
def test_agreement_has_an_interval_of_positive_width(size):
    same = np.ones(1000 * size, bool)
    low, high = difference_interval(same, same, np.repeat(np.arange(1000), size))
    # z² / (n + z²), the score interval of no event among the 1000 groups.
    assert (low, high) == pytest.approx((-0.0038268, 0.0038268), rel=2e-3)


def test_bound_is_above_the_share_of_images_that_are_told_apart():
    first, second = disagreeing(8, 0, 8000)
    groups = np.arange(8000)
    assert sign_flip_test(first, second, groups) == pytest.approx(2 / 2**8)
    low, high = difference_interval(first, second, groups)
    assert 0 < low < 0.001
    assert 0.0015 < high < 0.0025


@given(grouped)
def test_interval_holds_the_difference_and_turns_round_with_it(rows):
    first, second, groups = as_arrays(rows)
    low, high = difference_interval(first, second, groups)
    difference = second.mean() - first.mean()
    assert -1 <= low <= difference + 1e-9
    assert difference - 1e-9 <= high <= 1
    assert low < high
    assert difference_interval(second, first, groups) == pytest.approx((-high, -low))


@given(grouped, st.randoms(use_true_random=False))
def test_order_and_names_of_groups_do_not_matter(rows, random):
    shuffled = random.sample([(a, b, 100 - group) for a, b, group in rows], len(rows))
    one, other = as_arrays(rows), as_arrays(shuffled)
    assert sign_flip_test(*other) == pytest.approx(sign_flip_test(*one))
    assert difference_interval(*other) == pytest.approx(difference_interval(*one))


def test_holm_by_hand():
    # 4 x 0.005, then 3 x 0.01, then 2 x 0.03, then the largest, which is not below those before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []
    assert holm([0.03]) == [0.03]
