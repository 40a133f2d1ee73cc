"""Verdicts are the decision's: its temperature and its threshold, on every table."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from src.statistics.head_to_head import aligned_tests
from src.statistics.verdicts import by_verdict, with_verdicts
from tests.statistics.samples import table_of

LABELS, PROBABILITIES = [0, 0, 1, 1], [0.1, 0.3, 0.4, 0.9]


def decided(threshold: float, temperature: float) -> pd.DataFrame:
    return with_verdicts(table_of(LABELS, PROBABILITIES), temperature, threshold)


def test_the_probability_is_calibrated_and_compared_with_the_threshold():
    table = decided(0.35, 2.0)
    logit = np.log(np.array(PROBABILITIES) / (1 - np.array(PROBABILITIES)))
    assert table.calibrated.to_numpy() == pytest.approx(expit(logit / 2))
    assert table.verdict.tolist() == [0, 1, 1, 1]
    assert by_verdict(table).correct.tolist() == [True, False, True, True]


def test_a_probability_at_the_threshold_is_cracked():
    table = decided(0.5, 1.0)
    assert with_verdicts(table, 1.0, float(table.calibrated[2])).verdict.tolist() == [0, 0, 1, 1]


def test_at_a_half_the_errors_are_those_of_the_likelier_class_at_any_temperature():
    for temperature in (0.2, 1.0, 7.0):
        table = decided(0.5, temperature)
        assert table.correct.tolist() == table_of(LABELS, PROBABILITIES).correct.tolist()


def test_runs_are_compared_by_their_verdicts():
    tests = aligned_tests({"low": decided(0.35, 1.0), "half": decided(0.5, 1.0)})
    errors = {name: int((~test.correct).sum()) for name, test in tests.items()}
    assert errors == {"low": 0, "half": 1}


def test_tables_without_verdicts_keep_what_they_say():
    table = table_of(LABELS, PROBABILITIES)
    assert by_verdict(table).correct.equals(table.correct)
