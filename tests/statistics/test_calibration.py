"""Calibration against what is known of drawn probabilities."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.statistics.calibration import (
    at_temperature,
    determines_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from tests.statistics.samples import table_of


def drawn(images: int, overconfidence: float, seed: int = 0, certainty: float = 0):
    """Labels drawn from probabilities, which are then stated too boldly by that factor.

    Their logits lie around `certainty` and its negative.
    """
    rng = np.random.default_rng(seed)
    logit = rng.choice((-1, 1), images) * rng.normal(certainty, max(2, certainty / 2.5), images)
    label = (rng.uniform(size=images) < 1 / (1 + np.exp(-logit))).astype(int)
    return table_of(label.tolist(), (1 / (1 + np.exp(-overconfidence * logit))).tolist())


@pytest.mark.parametrize("overconfidence", [0.5, 1.0, 3.0])
def test_temperature_undoes_overconfidence(overconfidence):
    predictions = drawn(20_000, overconfidence)
    temperature = fit_temperature(predictions)
    assert temperature == pytest.approx(overconfidence, rel=0.05)
    calibrated = at_temperature(predictions, temperature)
    assert expected_calibration_error(calibrated, 15) < 0.01
    # The prior gives away a little of the loss.
    assert calibrated.loss.mean() <= predictions.loss.mean() + 1e-6
    assert (calibrated.correct == predictions.correct).all()


def likeliest_temperature(predictions) -> float:
    """The plain fit of Guo et al., by brute force."""
    logit = predictions.logit.to_numpy()
    toward_truth = np.where(predictions.label == 1, logit, -logit)
    tried = np.geomspace(0.3, 6, 600)
    return tried[np.argmin([np.logaddexp(0, -toward_truth / t).sum() for t in tried])]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("overconfidence", [0.7, 1.5, 3.0])
def test_prior_moves_a_fit_to_thousands_of_images_by_less_than_two_percent(overconfidence, seed):
    # Some 25 errors of 4,000, as good classifiers make.
    predictions = drawn(4000, overconfidence, seed, certainty=12)
    assert 5 < (~predictions.correct).sum() < 80
    temperature = fit_temperature(predictions)
    assert temperature == pytest.approx(likeliest_temperature(predictions), rel=0.02)
    assert determines_temperature(predictions, temperature)


@pytest.mark.parametrize("images", [10, 8000])
@pytest.mark.parametrize("certainty", [0.95, 0.9999, 1.0])
def test_without_errors_the_temperature_stays_moderate(images, certainty):
    predictions = table_of([0, 1] * images, [1 - certainty, certainty] * images)
    temperature = fit_temperature(predictions)
    assert 0.2 < temperature <= 1.01
    assert not determines_temperature(predictions, temperature)


def test_labels_that_nothing_predicts_do_not_determine_the_temperature():
    # The likeliest temperature has no end: all probabilities are best at 0.5.
    predictions = table_of([0, 1] * 100, [0.99] * 200)
    temperature = fit_temperature(predictions)
    assert temperature > 5
    assert not determines_temperature(predictions, temperature)


def test_single_error_among_few_does_not_determine_the_temperature():
    predictions = table_of([0, 1] * 20 + [1], [0.01, 0.99] * 20 + [0.3])
    assert not determines_temperature(predictions, fit_temperature(predictions))


def test_calibration_error_by_hand():
    # Ten images at 0.8 confidence of which six are right, and ten at 0.95 all right.
    labels = [1] * 6 + [0] * 4 + [0] * 10
    predictions = table_of(labels, [0.8] * 10 + [0.05] * 10)
    assert expected_calibration_error(predictions, 10) == pytest.approx((0.2 + 0.05) / 2, abs=1e-6)
    table = reliability(predictions, 10)
    assert table.images.tolist() == [10, 10]
    assert table.accuracy.tolist() == pytest.approx([0.6, 1])
    assert table.confidence.tolist() == pytest.approx([0.8, 0.95])


@given(st.floats(0.05, 20))
def test_temperature_is_that_of_the_softmax(temperature):
    predictions = table_of([0, 1, 1], [0.2, 0.7, 0.001])
    logits = np.stack([np.zeros(3), predictions.logit], axis=1)
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(logits / temperature))[:, 1]
    found = at_temperature(predictions, temperature)
    assert found.probability.to_numpy() == pytest.approx(expected, rel=1e-4)
    likelihood = np.where(predictions.label == 1, expected, 1 - expected)
    assert found.loss.to_numpy() == pytest.approx(-np.log(likelihood), rel=1e-3, abs=1e-6)
