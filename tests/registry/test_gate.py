"""Who may become champion."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.errors import InputError
from src.registry.gate import decide
from tests.statistics.samples import table_of

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
    assert decision.why == "there was no champion to compare with; 2 errors of 1000 test images"
    assert decision.figures == {"errors": 2, "images": 1000}


def test_even_the_first_champion_needs_the_least_accuracy():
    decision = decide(judged(set(range(101))), None, **THRESHOLDS)
    assert not decision.promoted
    assert decision.why == (
        "the accuracy (0.8990) is below min_accuracy=0.9; 101 errors of 1000 test images"
    )
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


def test_more_errors_are_accepted_where_the_upper_bound_is_within_the_margin():
    challenger, champion = judged({1, 2, 3}), judged({3, 4})
    # Tango's interval of 2 images against 1, of 1000, ends at 0.64 %.
    decision = decide(challenger, champion, margin=0.0065, min_accuracy=0.9)
    assert decision.promoted
    assert 0.006 < decision.figures["high"] < 0.0065
    assert decision.why.startswith(
        "the upper bound of the difference (+0.636 points) is within the margin (0.65 points); "
    )
    assert not decide(challenger, champion, margin=0.006, min_accuracy=0.9).promoted


def test_more_errors_than_the_share_of_disagreements_could_tell_are_refused():
    """The case that a bound within the share of the images that disagree lets pass."""
    decision = decide(judged(set(range(8)), 8000), judged(set(), 8000), **THRESHOLDS)
    assert not decision.promoted
    assert decision.figures["high"] > 0.0015
    assert decision.why.startswith(
        "the upper bound of the difference (+0.197 points) exceeds the margin (0.1 points); "
    )


def test_related_images_count_as_one():
    def grouped(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(group=table.group // 5)

    challenger, champion = judged(set(range(5))), judged(set())
    alone = decide(challenger, champion, **THRESHOLDS).figures
    together = decide(grouped(challenger), grouped(champion), **THRESHOLDS).figures
    assert alone["p_value"] == pytest.approx(2 / 2**5)
    assert together["p_value"] == 1
    assert together["high"] > 2 * alone["high"]


def test_the_figures_are_those_of_both_on_the_same_images():
    decision = decide(judged(set(range(20))), judged({1}), **THRESHOLDS)
    assert decision.figures["champion_errors"] == 1
    assert decision.figures["errors"] == 20
    assert decision.figures["difference"] == pytest.approx(0.019)
    assert decision.figures["low"] < 0.019 < decision.figures["high"]
    assert decision.figures["p_value"] == pytest.approx(2 / 2**19)
    assert "20 errors of 1000 test images where the champion makes 1 " in decision.why


@pytest.mark.slow
@settings(max_examples=50)
@given(st.sets(st.integers(0, 59)), st.sets(st.integers(0, 59)), st.floats(0, 1))
def test_a_challenger_with_more_errors_is_promoted_exactly_within_the_margin(one, other, margin):
    decision = decide(judged(one, 60), judged(other, 60), margin=margin, min_accuracy=0.0)
    bound = decision.figures["high"]
    assert decision.promoted == (len(one) <= len(other) or bound <= margin)
    # The bound says more than the estimate, so a margin of the estimate promotes no one.
    assert bound > decision.figures["difference"] or len(one - other) == 60
    if len(one) > len(other) and len(one - other) < 60:
        estimate = {"margin": decision.figures["difference"], "min_accuracy": 0.0}
        assert not decide(judged(one, 60), judged(other, 60), **estimate).promoted


def test_other_test_images_are_not_compared():
    with pytest.raises(InputError, match="test parts have 1000 and 500 images, 500 of them in"):
        decide(judged({1}), judged({1}, 500), **THRESHOLDS)


def test_no_test_images_at_all_are_said():
    table = judged({1}).assign(part="validation")
    with pytest.raises(InputError, match="the challenger's predictions have no test part"):
        decide(table, None, **THRESHOLDS)
