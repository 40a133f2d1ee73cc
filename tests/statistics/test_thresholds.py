"""The threshold of least cost, against every other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.statistics.thresholds import at_threshold, choose_threshold
from tests.statistics.samples import table_of

COSTS = {"missed_crack": 10.0, "false_alarm": 1.0}

rows = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1, width=32)), min_size=1, max_size=30)


@given(rows, st.floats(0.1, 50))
def test_no_threshold_is_cheaper(images, missed_crack):
    predictions = table_of([label for label, _ in images], [p for _, p in images])
    costs = {"missed_crack": missed_crack, "false_alarm": 1.0}
    chosen = at_threshold(predictions, choose_threshold(predictions, **costs), **costs)["cost"]
    # From 0 to 1: an image at 0 is reported by none above it, one at 1 by all.
    every = {0.0, 1.0, *predictions.probability, *np.nextafter(predictions.probability, 1)}
    least = min(at_threshold(predictions, threshold, **costs)["cost"] for threshold in every)
    assert chosen == pytest.approx(least)


def test_threshold_without_errors_is_the_calibrated_best():
    predictions = table_of([0, 0, 1, 1], [0.01, 0.02, 0.98, 0.99])
    assert choose_threshold(predictions, **COSTS) == pytest.approx(1 / 11)


def test_threshold_falls_as_missed_cracks_cost_more():
    predictions = table_of([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9])
    cheap = choose_threshold(predictions, missed_crack=0.5, false_alarm=1)
    dear = choose_threshold(predictions, missed_crack=10, false_alarm=1)
    assert at_threshold(predictions, cheap, **COSTS)["missed_cracks"] == 1
    assert at_threshold(predictions, dear, **COSTS) == {
        "missed_cracks": 0,
        "false_alarms": 1,
        "cost": 0.25,
    }
