"""Calibration against what is known of drawn probabilities."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.statistics.calibration import (
    at_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from tests.report.samples import table_of


def drawn(images: int, overconfidence: float, seed: int = 0):
    """Labels drawn from probabilities, which are then stated too boldly by that factor."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 2, images)
    label = (rng.uniform(size=images) < 1 / (1 + np.exp(-logit))).astype(int)
    return table_of(label.tolist(), (1 / (1 + np.exp(-overconfidence * logit))).tolist())


@pytest.mark.parametrize("overconfidence", [0.5, 1.0, 3.0])
def test_temperature_undoes_overconfidence(overconfidence):
    predictions = drawn(20_000, overconfidence)
    temperature = fit_temperature(predictions)
    assert temperature == pytest.approx(overconfidence, rel=0.05)
    calibrated = at_temperature(predictions, temperature)
    assert expected_calibration_error(calibrated, 15) < 0.01
    assert calibrated.loss.mean() <= predictions.loss.mean() + 1e-9
    assert (calibrated.correct == predictions.correct).all()


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
