"""The whole evaluation: what is chosen on validation, and what is read off test."""

import numpy as np
import pandas as pd
import pytest

from src.config.schema import Evaluate
from src.figures import run_figures
from src.statistics.calibration import at_temperature, fit_temperature
from src.statistics.result_tables import result_table
from src.statistics.run_metrics import evaluate_folds, evaluate_predictions, label_suspects
from tests.statistics.samples import table_of

COSTS = {"missed_crack": 10.0, "false_alarm": 1.0}
SETTINGS = Evaluate(bins=15, resamples=500, margin=0.001, suspect=0.05, seed=0, run=None, **COSTS)


def two_parts() -> pd.DataFrame:
    validation = table_of([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.99], part="validation")
    return pd.concat([validation, table_of([0, 1, 1, 0], [0.001, 0.999, 0.0001, 0.1])])


def test_test_part_chooses_nothing():
    predictions = two_parts()
    other = pd.concat([predictions[predictions.part == "validation"], table_of([0, 1], [0.9, 0.1])])
    one, two = evaluate_predictions(predictions, SETTINGS), evaluate_predictions(other, SETTINGS)
    assert one["calibration"]["temperature"] == two["calibration"]["temperature"]
    assert one["operating"]["threshold"] == two["operating"]["threshold"]
    assert one["test"]["errors"] == 1
    assert two["test"]["errors"] == 2


def test_suspects_are_the_confidently_contradicted():
    suspects = label_suspects(two_parts(), SETTINGS)
    assert suspects[["path", "part", "label"]].to_numpy().tolist() == [["2.jpg", "test", 1]]


def test_result_table_shows_what_was_found():
    shown = result_table(evaluate_predictions(two_parts(), SETTINGS))
    assert "0 of 4" in shown
    assert "1 of 4" in shown
    assert "1 cracks missed" in shown


def fold(seed: int, overconfidence: float) -> pd.DataFrame:
    """A run's predictions of 400 images, half of them for validation, stated too boldly."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 3, 400)
    label = (rng.uniform(size=400) < 1 / (1 + np.exp(-logit))).astype(int)
    table = table_of(label.tolist(), (1 / (1 + np.exp(-overconfidence * logit))).tolist())
    part = np.repeat(["validation", "test"], 200)
    return table.assign(path=f"{seed}-" + table.path, part=part, group=1000 * seed + table.group)


def test_each_fold_is_read_by_its_own_choice():
    folds = [fold(1, 1.0), fold(2, 4.0)]
    alone = [evaluate_predictions(one, SETTINGS) for one in folds]
    found = evaluate_folds(folds, SETTINGS, [0.5, 0.5])
    for name in ("missed_cracks", "false_alarms"):
        assert found["operating"][name] == sum(one["operating"][name] for one in alone)
    for part, name in (("operating", "cost"), ("calibration", "loss"), ("test", "loss")):
        assert found[part][name] == pytest.approx(np.mean([one[part][name] for one in alone]))
    for part, name in (("calibration", "temperature"), ("operating", "threshold")):
        assert found[part][name] == pytest.approx(np.mean([one[part][name] for one in alone]))
    # One temperature for both would fit neither.
    union = pd.concat(folds)
    shared = fit_temperature(union[union.part == "validation"])
    test = at_temperature(union[union.part == "test"], shared)
    assert found["calibration"]["loss"] < test.loss.mean() - 0.01


def test_all_errors_are_those_of_the_verdicts():
    parts = [fold(1, 1.0).assign(source="one"), fold(2, 4.0).assign(source="two")]
    table = pd.concat(parts)
    found = evaluate_predictions(table, SETTINGS, 0.9)
    test = table[table.part == "test"]
    said = at_temperature(test, found["calibration"]["temperature"]).probability >= 0.9
    assert found["test"]["errors"] == (said != test.label).sum()
    assert found["test"]["missed_cracks"] == (~said & (test.label == 1)).sum()
    assert found["test"]["errors"] == found["test/one"]["errors"] + found["test/two"]["errors"]
    half = evaluate_predictions(table, SETTINGS)
    assert found["test"]["missed_cracks"] > half["test"]["missed_cracks"]
    # How well the probabilities are calibrated does not depend on where the threshold lies.
    assert found["test"]["calibration_error"] == half["test"]["calibration_error"]
    assert found["calibration"] == half["calibration"]


def test_cheapest_threshold_of_each_fold_gives_the_errors():
    found = evaluate_folds([fold(1, 1.0), fold(2, 4.0)], SETTINGS, ["cheapest"] * 2)
    for name in ("missed_cracks", "false_alarms"):
        assert found["test"][name] == found["operating"][name]


def test_folds_are_not_all_determined_if_one_is_not():
    sure = pd.concat([table_of([0, 1] * 20, [0.01, 0.99] * 20, p) for p in ("validation", "test")])
    found = evaluate_folds([fold(1, 1.0), sure], SETTINGS, [0.5, 0.5])["calibration"]
    assert found["temperature_determined"] == 0
    assert (
        evaluate_predictions(fold(1, 1.0), SETTINGS)["calibration"]["temperature_determined"] == 1
    )


def test_unit_of_the_intervals_is_the_group():
    positive = [0.1, 0.9] * 40 + [0.9, 0.1] * 20
    validation = table_of([0, 1] * 60, positive, part="validation")
    alone = table_of([0, 1] * 60, positive)
    together = alone.assign(group=alone.group // 4)
    one, other = (
        evaluate_predictions(pd.concat([validation, test]), SETTINGS)["test"]
        for test in (alone, together)
    )
    for name in ("accuracy", "loss"):
        width, wider = (found[f"{name}_high"] - found[f"{name}_low"] for found in (one, other))
        assert wider > 1.5 * width


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], [0, 1, 1]])
@pytest.mark.parametrize("groups", [[5, 5, 5], [5, 5, 6]])
@pytest.mark.filterwarnings("error")
def test_one_class_or_one_group_is_evaluated(labels, groups):
    parts = [table_of(labels, [0.8, 0.6, 0.9], p, groups) for p in ("validation", "test")]
    found = evaluate_predictions(pd.concat(parts), SETTINGS)
    values = [value for part in found.values() for value in part.values()]
    assert np.isfinite(values).all()
    one_class = len(set(labels)) == 1
    assert ("roc_auc" in found["test"]) != one_class
    assert ("average_precision" in found["test"]) != one_class
    one_group = len(set(groups)) == 1
    assert ("loss_low" in found["test"]) != one_group
    assert ("their loss has no interval" in result_table(found)) == one_group
    # What a run draws of it.
    run_figures.confusion_matrix(parts[1], ["Negative", "Positive"]).canvas.draw()
    run_figures.roc_and_precision_recall(parts[1]).canvas.draw()


@pytest.mark.parametrize(("images", "told"), [(12, "wrong on 26 of 100 others"), (100, None)])
def test_few_test_images_are_said_to_show_little(images, told):
    sure = [0.1, 0.9] * (images // 2)
    parts = [table_of([0, 1] * (images // 2), sure, p) for p in ("validation", "test")]
    shown = result_table(evaluate_predictions(pd.concat(parts), SETTINGS))
    assert told in shown if told else "show little" not in shown


def test_temperature_that_is_a_guess_is_said():
    sure = pd.concat([table_of([0, 1] * 20, [0.01, 0.99] * 20, p) for p in ("validation", "test")])
    assert "do not determine the temperature" in result_table(evaluate_predictions(sure, SETTINGS))
    shown = result_table(evaluate_predictions(fold(1, 1.0), SETTINGS))
    assert "do not determine the temperature" not in shown
