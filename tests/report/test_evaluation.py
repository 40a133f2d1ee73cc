"""The whole evaluation: what is chosen on validation, and what is read off test."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.config.schema import Evaluate
from src.statistics.result_tables import result_table
from src.statistics.run_metrics import group_bootstrap, label_suspects
from src.statistics.thresholds import at_threshold, choose_threshold
from tests.report.samples import table_of

COSTS = {"missed_crack": 10.0, "false_alarm": 1.0}
SETTINGS = Evaluate(bins=15, resamples=500, suspect=0.05, seed=0, **COSTS)

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


def test_bootstrap_counts_groups_not_images():
    labels = [0, 1] * 200
    positive = [0.1, 0.9] * 180 + [0.9, 0.1] * 20
    apart = group_bootstrap(table_of(labels, positive), 2000, seed=0)
    groups = [i // 8 for i in range(400)]
    together = group_bootstrap(table_of(labels, positive, groups=groups), 2000, seed=0)

    def width(found: dict[str, float]) -> float:
        return found["group_accuracy_high"] - found["group_accuracy_low"]

    # Groups of 8 that are right or wrong as one: 8 times the variance of the mean.
    assert width(together) == pytest.approx(np.sqrt(8) * width(apart), rel=0.15)
    assert apart["group_accuracy_low"] == pytest.approx(0.9 - 1.96 * 0.015, abs=0.004)
    assert apart["group_loss_low"] < table_of(labels, positive).loss.mean()


def two_parts() -> pd.DataFrame:
    validation = table_of([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.99], part="validation")
    return pd.concat([validation, table_of([0, 1, 1, 0], [0.001, 0.999, 0.0001, 0.1])])


def test_test_part_chooses_nothing():
    predictions = two_parts()
    other = pd.concat([predictions[predictions.part == "validation"], table_of([0, 1], [0.9, 0.1])])
    one, two = evaluate(predictions, SETTINGS), evaluate(other, SETTINGS)
    assert one["calibration"]["temperature"] == two["calibration"]["temperature"]
    assert one["operating"]["threshold"] == two["operating"]["threshold"]
    assert one["test"]["errors"] == 1
    assert two["test"]["errors"] == 2


def test_suspects_are_the_confidently_contradicted():
    suspects = label_suspects(two_parts(), SETTINGS)
    assert suspects[["path", "part", "label"]].to_numpy().tolist() == [["2.jpg", "test", 1]]


def test_result_table_shows_what_was_found():
    shown = result_table(evaluate(two_parts(), SETTINGS))
    assert "0 of 4" in shown
    assert "1 of 4" in shown
    assert "1 cracks missed" in shown
