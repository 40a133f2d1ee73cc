"""Fitting rules to data from known laws, and choosing thresholds of a precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from src.statistics.logistic_fit import fit_logistic_rule, precise_threshold


@pytest.mark.slow
def test_the_law_of_simulated_data_is_found_again():
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(5, 3, 4000), "b": rng.uniform(-1, 1, 4000)}
    truth = expit(0.5 * (values["a"] - 5) + 2 * values["b"] ** 2 - 1)
    labels = rng.uniform(size=4000) < truth
    fitted = fit_logistic_rule(values, labels, np.arange(4000), folds=5)
    assert np.abs(fitted.rule.probability(values) - truth).mean() < 0.03
    assert np.abs(fitted.held_out - truth).mean() < 0.04


@pytest.mark.slow
def test_held_out_groups_are_not_learned_by_heart():
    """Within a group all examples have one label, which their features tell only by the group."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 25)
    labels = np.repeat(np.arange(40) % 2 == 1, 25)
    values = {f"f{n}": np.repeat(rng.normal(size=40), 25) for n in range(20)}
    fitted = fit_logistic_rule(values, labels, groups, folds=5)
    by_heart = fit_logistic_rule(values, labels, np.arange(1000), folds=5)
    assert roc_auc_score(labels, by_heart.held_out) > 0.9
    assert abs(roc_auc_score(labels, fitted.held_out) - 0.5) < 0.35
    # What the folds cannot predict is not called certain.
    assert np.abs(fitted.held_out - 0.5).max() < 0.35


def test_a_constant_feature_is_no_error():
    rng = np.random.default_rng(2)
    labels = np.arange(100) % 2 == 0
    values = {"same": np.ones(100), "tells": labels + rng.normal(0, 0.1, 100)}
    fitted = fit_logistic_rule(values, labels, np.arange(100), folds=5)
    assert roc_auc_score(labels, fitted.rule.probability(values)) == 1


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1), st.floats(0.05, 0.95))
def test_the_threshold_is_the_lowest_of_the_precision(examples, precision):
    probability = np.array([value for value, _ in examples]) / 9
    labels = np.array([label for _, label in examples])

    def share(threshold: float) -> float:
        return labels[probability >= threshold].mean()

    chosen = precise_threshold(probability, labels, precision)
    enough = [value for value in set(probability) if share(value) >= precision]
    assert chosen == (min(enough) if enough else probability.max())


def test_one_class_alone_is_refused():
    with pytest.raises(ValueError, match="class"):
        fit_logistic_rule({"a": np.zeros(10)}, np.ones(10, bool), np.arange(10), folds=2)
