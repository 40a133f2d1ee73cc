"""What a set of predictions is worth, in numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics

from src.data.splits.manifest import PARTS
from src.errors import InputError
from src.statistics.calibration import expected_calibration_error
from src.statistics.intervals import accuracy_interval

_KINDS = {
    "path": "str",
    "label": "int64",
    "part": "str",
    "group": "int64",
    "logit": "float64",
    "probability": "float64",
    "loss": "float64",
    "correct": "bool",
}
COLUMNS = tuple(_KINDS)


def prediction_table(manifest: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """One row an image, with what was predicted.

    Args:
        manifest: `path`, `label` (0 or 1), `part` and `group` (of images that show the
            same) of the images predicted.
        probabilities: (n, 2), in the manifest's order.

    Returns:
        The manifest's columns and `logit` (the log-odds of Positive), `probability` of Positive,
        `loss` (cross-entropy, in nats) and `correct`.
    """
    label = manifest.label.to_numpy()
    # Keras takes the loss from the logits, so nothing but float32's own range bounds it.
    logs = np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny))
    return manifest[["path", "label", "part", "group"]].assign(
        logit=logs[:, 1] - logs[:, 0],
        probability=probabilities[:, 1].astype(np.float64),
        loss=-logs[np.arange(len(label)), label],
        correct=probabilities.argmax(axis=1) == label,
    )


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a prediction table.

    Raises:
        InputError: the file is missing or no table, holds no image, lacks one of the columns, or
            an image's label, part or probability is none.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such predictions; `dvc repro` or train.output writes them")
    try:
        predictions = pd.read_csv(path, dtype=_KINDS, keep_default_na=False)
    except ValueError as error:
        raise InputError(f"{path}: no prediction table ({error}): predict again") from error
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
    """(n,) int: the label each image was given."""
    return np.where(predictions.correct, predictions.label, 1 - predictions.label)


def summarise(predictions: pd.DataFrame, bins: int) -> dict[str, float]:
    """Metrics of one part's prediction table.

    Args:
        predictions: see `prediction_table`.
        bins: of the expected calibration error.

    Returns:
        loss (mean cross-entropy in nats), accuracy with its 95 % interval over groups
        (accuracy_low, accuracy_high), errors of images, false_alarms and missed_cracks, precision,
        recall and f1 of Positive, roc_auc, average_precision, and calibration_error. A metric that
        is not defined for these images, as roc_auc for images of one class, is left out.
    """
    label, probability = predictions.label, predictions.probability
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
        "f1": float(f1),
        "roc_auc": float(metrics.roc_auc_score(label, probability)) if both else np.nan,
        "average_precision": (
            float(metrics.average_precision_score(label, probability)) if both else np.nan
        ),
        "calibration_error": expected_calibration_error(predictions, bins),
    }
    return {name: value for name, value in found.items() if not np.isnan(value)}
