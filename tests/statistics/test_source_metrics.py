"""Metrics by source are those of each source's images, with intervals that cover."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from src.config.loader import compose_config
from src.statistics.curves import roc_table
from src.statistics.result_tables import result_table
from src.statistics.run_metrics import evaluate_predictions
from src.statistics.source_metrics import (
    bootstrap_intervals,
    metrics_by_source,
    source_table,
    weighted_auc,
)
from tests.statistics.samples import table_of

SETTINGS = compose_config(["~local"]).evaluate
LABELS = [0, 0, 0, 0, 1, 1, 1, 1]
GOOD = table_of(LABELS, [0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9]).assign(source="good")
BAD = table_of(LABELS, [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1]).assign(source="bad")
BOTH = pd.concat([GOOD, BAD], ignore_index=True)


def test_each_source_has_its_own_metrics():
    found = metrics_by_source(BOTH, SETTINGS)
    assert list(found) == ["test/bad", "test/good"]
    good, bad = found["test/good"], found["test/bad"]
    assert (good["errors"], good["images"], bad["errors"]) == (2, 8, 8)
    assert (good["roc_auc"], bad["roc_auc"]) == (15 / 16, 0)
    assert (good["recall"], good["false_alarm_rate"]) == (0.75, 0.25)
    for name in ("roc_auc", "f1", "recall", "false_alarm_rate"):
        assert 0 <= good[f"{name}_low"] <= good[name] <= good[f"{name}_high"] <= 1


def test_of_one_source_there_is_nothing_to_tell_apart():
    assert metrics_by_source(GOOD, SETTINGS) == {}
    assert source_table({"test": {"errors": 1.0}}).empty


def test_a_source_that_is_held_out_is_told_though_the_test_part_has_no_other():
    other = BAD.assign(part="validation")
    assert list(metrics_by_source(pd.concat([GOOD, other]), SETTINGS)) == ["test/good"]


def test_what_is_not_defined_is_missing():
    whole = BAD[BAD.label == 0]
    of_one_group = GOOD.assign(group=0)
    found = metrics_by_source(pd.concat([of_one_group, whole]), SETTINGS)
    assert not {"roc_auc", "f1_low", "recall_low"} & found["test/bad"].keys()
    assert {"false_alarm_rate", "false_alarm_rate_low"} < found["test/bad"].keys()
    assert "roc_auc" in found["test/good"]
    assert not {"roc_auc_low", "recall_low", "false_alarm_rate_low"} & found["test/good"].keys()


def test_one_photograph_of_a_class_gives_no_interval_and_no_certainty():
    of_one = GOOD.assign(group=GOOD.label)  # one photograph without a crack, and one with
    found = metrics_by_source(pd.concat([of_one, BAD]), SETTINGS)["test/good"]
    assert found["false_alarm_rate"] == 0.25
    assert not [name for name in found if name.endswith(("_low", "_high")) and "acc" not in name]


def test_resamples_without_a_class_do_not_count():
    # Two photographs of each class: one resample in eight has no crack, and F1 would be 0 there.
    images = GOOD.assign(group=[0, 0, 1, 1, 2, 2, 3, 3])
    found = bootstrap_intervals(images, 2000, seed=1)
    assert 0.3 < found["f1_low"] < found["f1_high"] <= 1


def test_images_whose_probability_is_rounded_to_1_keep_their_order():
    label = np.repeat([0, 1], 50)
    logit = np.concatenate([np.linspace(20, 22, 50), np.linspace(30, 32, 50)])
    likely = table_of(label.tolist(), [1.0] * 100).assign(logit=logit, source="likely")
    found = metrics_by_source(pd.concat([likely, BAD]), SETTINGS)["test/likely"]
    assert found["roc_auc"] == 1
    # No error in any resample tells nothing of the errors to come.
    assert not {"roc_auc_low", "roc_auc_high"} & found.keys()
    assert found["average_precision"] == 1
    assert set(roc_table(likely).true_positive_rate[:3]) == {0, 0.02, 1}


def test_the_table_of_results_has_a_line_for_each_source():
    parts = pd.concat([BOTH, BOTH.assign(part="validation")])
    shown = result_table(evaluate_predictions(parts, SETTINGS)).splitlines()
    good = next(line for line in shown if line.startswith("good"))
    assert "2 of 8" in good
    assert "0.938 (" in good
    single = result_table(evaluate_predictions(parts.assign(source="metu"), SETTINGS))
    assert "test of" not in single


def test_the_area_under_the_curve_is_that_of_scikit_learn(rng):
    label = rng.integers(0, 2, 60)
    score = rng.integers(0, 12, 60) / 4
    weights = rng.integers(0, 3, (5, 60)).astype(float)
    expected = [roc_auc_score(label, score, sample_weight=weight) for weight in weights]
    assert weighted_auc(weights, label, score) == pytest.approx(expected)
    assert np.isnan(weighted_auc(np.zeros((1, 60)), label, score)).all()


@pytest.mark.slow
def test_intervals_over_groups_cover_and_those_over_images_do_not(rng):
    """Each group of six images has an effect of its own; the true AUROC is known from many."""

    def drawn(groups: int) -> pd.DataFrame:
        group = np.repeat(np.arange(groups), 6)
        label = np.repeat(rng.integers(0, 2, groups), 6)
        logit = 1.5 * label + rng.normal(0, 1, groups)[group] + rng.normal(0, 0.3, len(group))
        correct = (logit > 0.75) == label
        table = pd.DataFrame({"label": label, "group": group, "logit": logit, "correct": correct})
        return table

    many = drawn(20_000)
    truth = roc_auc_score(many.label, many.logit)
    covered = {"groups": 0, "images": 0}
    for _ in range(100):
        images = drawn(60)
        for name, table in (("groups", images), ("images", images.assign(group=images.index))):
            found = bootstrap_intervals(table, 200, seed=1)
            covered[name] += found["roc_auc_low"] <= truth <= found["roc_auc_high"]
    assert covered["groups"] >= 87
    assert covered["images"] <= 75
