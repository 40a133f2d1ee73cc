"""Data of the plots that `dvc plots` draws."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn import metrics

from src.statistics.metrics import predicted_labels


def confusion_table(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Make a table with the class names `actual` and `predicted` of each image.

    Args:
        predictions: a prediction table.
        classes: the class names in label order.
    """
    names = np.asarray(classes)
    return pd.DataFrame(
        {"actual": names[predictions.label], "predicted": names[predicted_labels(predictions)]}
    )


def roc_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Make the table of the ROC curve.

    Returns:
        A table with `false_positive_rate`, `true_positive_rate` and `threshold`, the probability
        from which images count as cracked. The first threshold is 1. The table is empty if
        all images are of one class, because the curve is not defined then.
    """
    if predictions.label.nunique() < 2:
        return pd.DataFrame(columns=["false_positive_rate", "true_positive_rate", "threshold"])
    # The probabilities of likely images are equal, as float32 rounds them to 1. The logits are not.
    false, true, threshold = metrics.roc_curve(predictions.label, predictions.logit)
    return pd.DataFrame(
        {
            "false_positive_rate": false,
            "true_positive_rate": true,
            "threshold": expit(threshold),
        }
    )


def precision_recall_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Make the table of the precision-recall curve.

    Returns:
        A table with `recall`, `precision` and `threshold`. The point at recall 0 has the threshold
        1. The table is empty if all images are of one class, as in `roc_table`.
    """
    if predictions.label.nunique() < 2:
        return pd.DataFrame(columns=["recall", "precision", "threshold"])
    precision, recall, threshold = metrics.precision_recall_curve(
        predictions.label, predictions.logit
    )
    return pd.DataFrame(
        {"recall": recall, "precision": precision, "threshold": np.append(expit(threshold), 1)}
    )
