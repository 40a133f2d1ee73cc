"""Who may become champion."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.errors import InputError
from src.registry.gate import decide
from tests.report.samples import table_of

THRESHOLDS = {"margin": 0.001, "min_accuracy": 0.9}


def judged(wrong: set[int], images: int = 1000) -> pd.DataFrame:
    """The prediction table of a model that has these images wrong."""
    labels = [i % 2 for i in range(images)]
    positive = np.array(labels, float)
    positive[list(wrong)] = 1 - positive[list(wrong)]
    return table_of(labels, (0.1 + 0.8 * positive).tolist())


def test_first_champion_is_accepted_and_it_is_said_that_it_was_not_compared():
    decision = decide(judged({1, 2}), None, **THRESHOLDS)
    assert decision.promoted
    assert decision.why == "2 errors of 1000 test images; there was no champion to compare with"
    assert decision.figures == {"errors": 2, "images": 1000}


def test_even_the_first_champion_needs_the_least_accuracy():
    decision = decide(judged(set(range(101))), None, **THRESHOLDS)
    assert not decision.promoted
    assert "below min_accuracy=0.9" in decision.why
    assert decide(judged(set(range(100))), None, **THRESHOLDS).promoted
    # Better than a champion that is bad itself.
    assert not decide(judged(set(range(101))), judged(set(range(500))), **THRESHOLDS).promoted


@pytest.mark.parametrize(
    ("challenger", "champion", "promoted"),
    [
        ({1, 2}, {3, 4, 5}, True),
        ({1, 2}, {1, 2}, True),
        ({1, 2}, {3, 4}, True),
        ({1, 2, 3}, {3, 4}, False),
        (set(range(20)), set(), False),
    ],
)
def test_fewer_errors_or_as_many(challenger, champion, promoted):
    assert decide(judged(challenger), judged(champion), **THRESHOLDS).promoted == promoted


def test_more_errors_are_accepted_where_the_interval_ends_within_the_margin():
    challenger, champion = judged({1, 2, 3}), judged({3, 4})
    # One image more of 1000; the interval of 1 against 2 of 3 discordant ones ends at 0.295 %.
    decision = decide(challenger, champion, margin=0.003, min_accuracy=0.9)
    assert decision.promoted
    assert 0.0029 < decision.figures["high"] < 0.003
    assert not decide(challenger, champion, margin=0.0029, min_accuracy=0.9).promoted


def test_the_figures_are_those_of_both_on_the_same_images():
    decision = decide(judged(set(range(20))), judged({1}), **THRESHOLDS)
    assert decision.figures["champion_errors"] == 1
    assert decision.figures["errors"] == 20
    assert decision.figures["difference"] == pytest.approx(0.019)
    assert decision.figures["low"] < 0.019 <= decision.figures["high"]
    assert decision.figures["p_value"] == pytest.approx(2 / 2**19)
    assert "20 errors of 1000 test images where the champion makes 1 " in decision.why
    assert decision.why.endswith("more, by possibly more than the margin of 0.1 points")


@given(st.sets(st.integers(0, 59)), st.sets(st.integers(0, 59)), st.floats(0, 0.2))
def test_one_of_two_is_always_good_enough(one, other, margin):
    """So that not each refuses the other, whatever the margin."""
    first, second = judged(one, 60), judged(other, 60)
    thresholds = {"margin": margin, "min_accuracy": 0.0}
    assert decide(first, second, **thresholds).promoted or (
        decide(second, first, **thresholds).promoted and len(one) > len(other)
    )


def test_other_test_images_are_not_compared():
    with pytest.raises(InputError, match="test parts have 1000 and 500 images, 500 of them in"):
        decide(judged({1}), judged({1}, 500), **THRESHOLDS)


def test_no_test_images_at_all_are_said():
    table = judged({1}).assign(part="validation")
    with pytest.raises(InputError, match="the challenger's predictions have no test part"):
        decide(table, None, **THRESHOLDS)
