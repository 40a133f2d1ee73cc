"""Intervals over groups against textbook cases and what must hold for any images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from src.statistics.intervals import accuracy_interval, design_effect, loss_interval
from tests.statistics.samples import table_of

images = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=1, max_size=60)


def as_arrays(rows) -> tuple[np.ndarray, np.ndarray]:
    return np.array([correct for correct, _ in rows]), np.array([group for _, group in rows])


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_of_single_images_the_interval_is_clopper_and_pearsons(outcomes):
    correct = np.array(outcomes)
    expected = binomtest(int(correct.sum()), len(correct)).proportion_ci(method="exact")
    found = accuracy_interval(correct, np.arange(len(correct)))
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_without_errors_groups_count_and_not_images(size):
    groups = np.repeat(np.arange(1000), size)
    low, high = accuracy_interval(np.ones(len(groups), bool), groups)
    # Exactly: no error among 1000 is as likely as 0.025 at a rate of 1 - 0.025 ** (1 / 1000).
    assert low == pytest.approx(0.025 ** (1 / 1000), abs=1e-5)
    assert high == 1


def test_one_group_is_one_observation():
    assert accuracy_interval(np.ones(50, bool), np.zeros(50)) == pytest.approx((0.025, 1))


@given(images)
def test_interval_holds_the_accuracy(rows):
    correct, groups = as_arrays(rows)
    low, high = accuracy_interval(correct, groups)
    assert 0 <= low <= correct.mean() <= high <= 1
    assert low < high


@given(images, st.integers(2, 5))
def test_design_effect_is_from_one_to_the_number_of_images(rows, copies):
    correct, groups = as_arrays(rows)
    effect = design_effect(1.0 - correct, groups)
    assert 1 <= effect <= len(correct)
    assert design_effect(1.0 - correct, np.arange(len(correct))) == pytest.approx(1)
    # Copies of all images in their groups tell nothing new.
    copied = design_effect(1.0 - np.repeat(correct, copies), np.repeat(groups, copies))
    assert copied >= effect - 1e-9


def test_images_that_differ_from_their_relatives_tell_no_more_than_single_ones():
    # One of each two is wrong, so that the groups do not differ at all.
    assert design_effect(np.arange(400) % 2, np.arange(400) // 2) == 1


def test_single_error_says_little_about_related_images():
    correct = np.ones(700, bool)
    correct[0] = False
    assert design_effect(1.0 - correct, np.arange(700) // 7) > 5
    assert design_effect(1.0 - correct, np.arange(700)) == pytest.approx(1)


def test_few_groups_are_covered(rng):
    """Four groups whose images are right at rates of their own, around 0.8."""
    groups = np.repeat(np.arange(4), 200)
    covered = 0
    for _ in range(300):
        correct = rng.random(800) < rng.beta(80, 20, 4)[groups]
        low, high = accuracy_interval(correct, groups)
        covered += low <= 0.8 <= high
    assert covered > 0.91 * 300


def test_copies_of_images_leave_the_interval_as_it_is():
    correct = np.arange(2000) % 100 > 0
    alone = accuracy_interval(correct, np.arange(2000))
    copied = accuracy_interval(np.repeat(correct, 4), np.repeat(np.arange(2000), 4))
    assert np.diff(copied) == pytest.approx(np.diff(alone), rel=0.01)


def test_loss_interval_counts_groups_not_images():
    labels = [0, 1] * 200
    positive = [0.1, 0.9] * 180 + [0.9, 0.1] * 20
    apart = table_of(labels, positive)
    together = table_of(labels, positive, groups=[i // 8 for i in range(400)])
    low, high = loss_interval(apart, 2000, seed=0)
    error = apart.loss.std() / 20
    assert (low, high) == pytest.approx(
        (apart.loss.mean() - 1.96 * error, apart.loss.mean() + 1.96 * error), abs=0.2 * error
    )
    # Groups of 8 that are right or wrong as one: 8 times the variance of the mean.
    wide = loss_interval(together, 2000, seed=0)
    assert wide[1] - wide[0] == pytest.approx(np.sqrt(8) * (high - low), rel=0.15)


def test_loss_interval_of_two_groups():
    low, high = loss_interval(table_of([0, 1], [0.1, 0.2]), 500, seed=0)
    assert (low, high) == pytest.approx((-np.log(0.9), -np.log(0.2)))
