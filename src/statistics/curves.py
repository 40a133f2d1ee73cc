"""The data of the plots that `dvc plots` draws."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn import metrics

from src.statistics.metrics import predicted_labels


def confusion_table(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """`actual` and `predicted` class names, one row an image."""
    names = np.asarray(classes)
    return pd.DataFrame(
        {"actual": names[predictions.label], "predicted": names[predicted_labels(predictions)]}
    )


def roc_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """`false_positive_rate`, `true_positive_rate` and `threshold`.

    Images of one class have no such curve, and no row.
    """
    if predictions.label.nunique() < 2:
        return pd.DataFrame(columns=["false_positive_rate", "true_positive_rate", "threshold"])
    false, true, threshold = metrics.roc_curve(predictions.label, predictions.probability)
    # The first threshold is infinite, which JSON and plots can't hold.
    return pd.DataFrame(
        {
            "false_positive_rate": false,
            "true_positive_rate": true,
            "threshold": np.minimum(threshold, 1),
        }
    )


def precision_recall_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """`recall`, `precision` and `threshold`; the end at recall 0 stands at threshold 1.

    Images of one class have no such curve, and no row.
    """
    if predictions.label.nunique() < 2:
        return pd.DataFrame(columns=["recall", "precision", "threshold"])
    precision, recall, threshold = metrics.precision_recall_curve(
        predictions.label, predictions.probability
    )
    return pd.DataFrame(
        {"recall": recall, "precision": precision, "threshold": np.append(threshold, 1)}
    )
