"""Prediction tables, and the metrics of one part of them."""

from pathlib import Path

import numpy as np
import pandas as pd

from src.data.splits.manifest import PARTS
from src.data.vouching import TRAINING_NOTE, refuse_changed
from src.errors import InputError
from src.statistics.calibration import expected_calibration_error
from src.statistics.intervals import accuracy_interval

_KINDS = {
    "path": "str",
    "label": "int64",
    "part": "str",
    "group": "int64",
    "source": "str",
    "logit": "float64",
    "probability": "float64",
    "loss": "float64",
    "correct": "bool",
}
COLUMNS = tuple(_KINDS)


def prediction_table(manifest: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """Make a prediction table, which has a row for each image.

    Args:
        manifest: a table of n images with `path`, `label` (0 or 1), `part`, `group` and `source`.
            Images of a group show the same spot or are of one photograph.
        probabilities: (n, 2) the probabilities of both classes, in the same order.

    Returns:
        The manifest's columns and four more. These are `logit` (the log-odds of Positive),
        `probability` (of Positive, 0 to 1), `loss` (cross-entropy in nats) and `correct` (bool),
        which tells whether the likelier class is the label.
    """
    label = manifest.label.to_numpy()
    # Keras computes the loss from the logits, without clipping. Here the probabilities are only
    # clipped to the range of float32, so that both losses agree.
    logs = np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny))
    return manifest[["path", "label", "part", "group", "source"]].assign(
        logit=logs[:, 1] - logs[:, 0],
        probability=probabilities[:, 1].astype(np.float64),
        loss=-logs[np.arange(len(label)), label],
        correct=probabilities.argmax(axis=1) == label,
    )


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a prediction table; see `prediction_table`.

    Raises:
        InputError: the file is missing, is not a table, lacks a column or has no image. It is also
            raised if a label, a part or a probability of an image is invalid, or if the file has
            changed since the training wrote it.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such predictions; evaluate.run=RUN evaluates a tracked run, and "
            "`dvc repro` or train.output writes this file"
        )
    refuse_changed(path, TRAINING_NOTE)
    try:
        predictions = pd.read_csv(path, dtype=_KINDS, keep_default_na=False)
    except ValueError as error:
        raise InputError(f"{path}: no prediction table ({error}): predict again") from error
    if "source" not in predictions:
        # An older version of this code knew one source at a time.
        predictions = predictions.assign(source="")
    missing = set(COLUMNS) - set(predictions.columns)
    if missing:
        raise InputError(f"{path}: no prediction table, it lacks {', '.join(sorted(missing))}")
    if predictions.empty:
        raise InputError(f"{path}: no prediction table, it holds no image: predict again")
    sound = (
        predictions.label.isin((0, 1))
        & predictions.part.isin(PARTS)
        & predictions.probability.between(0, 1)
    )
    if not sound.all():
        image = predictions[~sound].iloc[0]
        raise InputError(
            f"{path}: {image.path} has the label {image.label}, the part {image.part!r} and the "
            f"probability {image.probability}; there are labels 0 and 1, parts {', '.join(PARTS)} "
            "and probabilities from 0 to 1"
        )
    return predictions


def predicted_labels(predictions: pd.DataFrame) -> np.ndarray:
    """Return the predicted labels (n,) int64 of a prediction table."""
    return np.where(predictions.correct, predictions.label, 1 - predictions.label)


def summarise(predictions: pd.DataFrame, bins: int) -> dict[str, float]:
    """Compute the metrics of one part of a prediction table.

    Args:
        predictions: see `prediction_table`.
        bins: number of bins of the expected calibration error.

    Returns:
        The metrics by name:

        - loss, the mean cross-entropy in nats,
        - accuracy with its 95 % interval over groups, accuracy_low and accuracy_high,
        - errors, images, false_alarms and missed_cracks, which are numbers of images,
        - precision, recall and f1 of Positive,
        - roc_auc, average_precision and calibration_error.

        A metric is missing if it is not defined, such as roc_auc for images of one class. So are
        recall and f1 if no image is cracked: any false alarm would make f1 0.
    """
    # A prediction table is read without scikit-learn, which takes a second to import.
    from sklearn import metrics

    # Of likely images the probabilities are equal, as float32 rounds them to 1. The logits are not.
    label, score = predictions.label, predictions.logit
    images, errors = len(predictions), int((~predictions.correct).sum())
    low, high = accuracy_interval(predictions.correct.to_numpy(), predictions.group.to_numpy())
    predicted = predicted_labels(predictions)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        label, predicted, average="binary", zero_division=np.nan
    )
    both = label.nunique() == 2
    found = {
        "loss": float(predictions.loss.mean()),
        "accuracy": 1 - errors / images,
        "accuracy_low": low,
        "accuracy_high": high,
        "errors": errors,
        "images": images,
        "false_alarms": int(((label == 0) & (predicted == 1)).sum()),
        "missed_cracks": int(((label == 1) & (predicted == 0)).sum()),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1) if label.any() else np.nan,
        "roc_auc": float(metrics.roc_auc_score(label, score)) if both else np.nan,
        "average_precision": (
            float(metrics.average_precision_score(label, score)) if both else np.nan
        ),
        "calibration_error": expected_calibration_error(predictions, bins),
    }
    return {name: value for name, value in found.items() if not np.isnan(value)}
