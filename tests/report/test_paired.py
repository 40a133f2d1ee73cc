"""McNemar's exact test against values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from src.report.paired import mcnemar


def correct(*blocks: tuple[int, bool]) -> np.ndarray:
    return np.concatenate([np.full(count, right) for count, right in blocks])


def test_known_value():
    # 1 image only the first has right, 8 only the second: 2 (1 + 9) / 2^9.
    first = correct((90, True), (1, True), (8, False), (5, False))
    second = correct((90, True), (1, False), (8, True), (5, False))
    assert mcnemar(first, second) == pytest.approx(20 / 512)


def test_images_that_both_have_right_or_wrong_do_not_count():
    few = mcnemar(correct((1, True), (4, False)), correct((1, False), (4, True)))
    first = correct((1, True), (4, False), (500, True), (60, False))
    second = correct((1, False), (4, True), (500, True), (60, False))
    assert mcnemar(first, second) == few


@settings(deadline=None)
@given(arrays(bool, (2, 30)))
def test_order_does_not_matter_and_equals_can_not_be_told_apart(both):
    p_value = mcnemar(both[0], both[1])
    assert 0 < p_value <= 1
    assert p_value == mcnemar(both[1], both[0])
    assert mcnemar(both[0], both[0]) == 1


@settings(deadline=None)
@given(st.integers(6, 40))
def test_better_on_all_that_differ_is_significant(images):
    assert mcnemar(correct((images, True)), correct((images, False))) < 0.05
