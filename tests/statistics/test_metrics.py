"""Metrics against figures worked out by hand and against Keras."""

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.errors import InputError
from src.statistics.curves import confusion_table, precision_recall_table, roc_table
from src.statistics.metrics import COLUMNS, predicted_labels, read_predictions, summarise
from tests.statistics.samples import table_of

BINS = 15


@pytest.fixture
def predictions() -> pd.DataFrame:
    return table_of([0, 0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9, 0.3])


def test_counts_by_hand(predictions):
    found = summarise(predictions, BINS)
    assert (found["images"], found["errors"]) == (5, 2)
    assert (found["false_alarms"], found["missed_cracks"]) == (1, 1)
    assert found["accuracy"] == pytest.approx(0.6)
    assert found["precision"] == found["recall"] == found["f1"] == pytest.approx(0.5)
    # Of six pairs of a positive and a negative, five are in order.
    assert found["roc_auc"] == pytest.approx(5 / 6)


def test_accuracy_interval_is_the_textbooks():
    found = summarise(table_of([0] * 50 + [1] * 50, [0.1] * 50 + [0.9] * 48 + [0.2] * 2), BINS)
    # Clopper and Pearson (1934) for 98 of 100.
    assert found["accuracy_low"] == pytest.approx(0.92962, abs=1e-5)
    assert found["accuracy_high"] == pytest.approx(0.99757, abs=1e-5)


@pytest.mark.filterwarnings("error")
def test_metrics_that_are_not_defined_are_left_out():
    whole = summarise(table_of([0, 0], [0.1, 0.2]), BINS)
    assert not {"roc_auc", "average_precision", "precision", "recall"} & set(whole)
    alarmed = summarise(table_of([0, 0], [0.1, 0.9]), BINS)
    assert alarmed["precision"] == 0
    assert not {"recall", "f1"} & set(alarmed)
    cracked = summarise(table_of([1, 1], [0.1, 0.9]), BINS)
    assert not {"roc_auc", "average_precision"} & set(cracked)
    assert (cracked["precision"], cracked["recall"]) == (1, 0.5)


def test_loss_is_keras_loss(rng):
    labels = rng.integers(0, 2, 50).tolist()
    predictions = table_of(labels, rng.uniform(0.01, 0.99, 50).tolist())
    probabilities = np.stack([1 - predictions.probability, predictions.probability], axis=1)
    loss = keras.losses.SparseCategoricalCrossentropy()(np.array(labels), probabilities)
    assert summarise(predictions, BINS)["loss"] == pytest.approx(float(loss), rel=1e-5)


def test_certain_and_wrong_has_a_finite_loss():
    assert np.isfinite(summarise(table_of([0, 1], [1.0, 0.9]), BINS)["loss"])


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=4))
def test_interval_holds_the_accuracy(rows):
    labels = [0, 1] + [label for label, _ in rows]
    found = summarise(table_of(labels, [0.2, 0.7] + [p for _, p in rows]), BINS)
    assert found["accuracy_low"] <= found["accuracy"] + 1e-12
    assert found["accuracy"] <= found["accuracy_high"] + 1e-12
    assert found["errors"] == found["false_alarms"] + found["missed_cracks"]


def test_plot_data(predictions):
    confusion = confusion_table(predictions, ["Negative", "Positive"])
    assert confusion.predicted.tolist() == [
        "Negative",
        "Negative",
        "Positive",
        "Positive",
        "Negative",
    ]
    assert predicted_labels(predictions).tolist() == [0, 0, 1, 1, 0]
    roc = roc_table(predictions)
    assert (roc.iloc[0].false_positive_rate, roc.iloc[-1].true_positive_rate) == (0, 1)
    assert np.isfinite(roc.to_numpy()).all()
    curve = precision_recall_table(predictions)
    assert (curve.recall.iloc[-1], curve.precision.iloc[-1]) == (0, 1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("label", [0, 1])
def test_images_of_one_class_have_no_curves(predictions, label):
    same = predictions[predictions.label == label]
    assert roc_table(same).empty
    assert precision_recall_table(same).empty
    assert list(roc_table(same)) == list(roc_table(predictions))
    assert list(precision_recall_table(same)) == list(precision_recall_table(predictions))


def test_table_survives_writing(tmp_path, predictions):
    path = tmp_path / "predictions.csv"
    predictions.to_csv(path, index=False)
    assert summarise(read_predictions(path), BINS) == summarise(predictions, BINS)


def test_what_is_no_table_is_refused(tmp_path):
    path = tmp_path / "predictions.csv"
    with pytest.raises(InputError, match=r"predictions\.csv: no such predictions"):
        read_predictions(path)
    path.write_text("path,label\na,0\n")
    with pytest.raises(InputError, match="it lacks correct, group, logit, loss, part, probability"):
        read_predictions(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no prediction table .*: predict again"),
        ("{header}\n", "it holds no image"),
        ("{header}\na,0,test,0,s,-1,0.2,0.1,True,x,x\n", "no prediction table .*: predict again"),
        ("{header}\na,0,test,0\n", "no prediction table .*: predict again"),
        ("{header}\na,whole,test,0,s,-1,0.2,0.1,True\n", "no prediction table .*'whole'"),
        ("{header}\na,2,test,0,s,-1,0.2,0.1,True\n", "a has the label 2"),
        ("{header}\na,0,,0,s,-1,0.2,0.1,True\n", "a has .* the part ''"),
        ("{header}\na,0,test,0,s,-1,20,0.1,True\n", "a has .* the probability 20.0"),
        ("{header}\na,0,test,0,s,-1,nan,0.1,True\n", "no prediction table"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, text, message):
    path = tmp_path / "predictions.csv"
    path.write_text(text.format(header=",".join(COLUMNS)))
    with pytest.raises(InputError, match=message) as error:
        read_predictions(path)
    assert "predictions.csv" in str(error.value)
