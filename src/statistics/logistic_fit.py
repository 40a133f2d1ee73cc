"""Fitting the logistic rules by which regions and photographs are judged."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold

from src.model.photo_rule import LogisticRule, logistic_terms

# Inverse strengths of the L2 penalty that are tried; scikit-learn's `C`.
STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


@dataclass(frozen=True)
class FittedRule:
    """A rule, and what it says of examples that it was not fitted on.

    Attributes:
        rule: the rule, fitted on all examples.
        held_out: (n,) float64, the probability of each example by the fold that left it out.
    """

    rule: LogisticRule
    held_out: np.ndarray


def fit_logistic_rule(
    values: Mapping[str, np.ndarray],
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    folds: int,
) -> FittedRule:
    """Fit a logistic regression over features and their squares.

    The strength of the penalty is the one with the least cross-entropy on held-out groups.

    Args:
        values: for each feature the values (n,).
        labels: (n,) bool, whether an example is a crack; both classes occur.
        groups: (n,) the group of each example. A group is held out as a whole.
        folds: number of folds, at least 2.

    Raises:
        ValueError: there are fewer groups than folds, or only one class.
    """
    table = np.stack(list(values.values()), axis=1).astype(np.float64)
    centre, spread = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-6)
    terms = logistic_terms(table, centre, spread)
    splits = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    parts = list(splits.split(terms, labels, groups))

    def held_out(strength: float) -> np.ndarray:
        probability = np.full(len(labels), labels.mean())
        for fit, test in parts:
            if len(set(labels[fit])) == 2:
                model = _regression(strength).fit(terms[fit], labels[fit])
                probability[test] = model.predict_proba(terms[test])[:, 1]
        return probability

    tried = {strength: held_out(strength) for strength in STRENGTHS}
    best = min(STRENGTHS, key=lambda strength: log_loss(labels, tried[strength], labels=[0, 1]))
    model = _regression(best).fit(terms, labels)
    rule = LogisticRule(
        features=list(values),
        centre=centre.tolist(),
        spread=spread.tolist(),
        weights=model.coef_[0].tolist(),
        intercept=float(model.intercept_[0]),
    )
    return FittedRule(rule, tried[best])


def precise_threshold(probability: np.ndarray, labels: np.ndarray, precision: float) -> float:
    """Choose the lowest threshold at and above which enough examples are cracks.

    Args:
        probability: (n,) the probabilities.
        labels: (n,) bool, whether an example is a crack.
        precision: the least share of cracks among the examples at or above the threshold.

    Returns:
        The threshold. If no threshold gives the precision, it is the highest probability.
    """
    order = np.argsort(-probability, kind="stable")
    share = np.cumsum(labels[order]) / np.arange(1, len(order) + 1)
    # Examples of the same probability are above the threshold together.
    last = np.append(np.diff(probability[order]) != 0, True)
    enough = np.flatnonzero((share >= precision) & last)
    return float(probability[order][enough[-1] if len(enough) else 0])


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=2000)
