"""Verdicts: a decision applied to predictions."""

import pandas as pd

from src.model.decision import Decision
from src.statistics.calibration import at_temperature


def with_verdicts(predictions: pd.DataFrame, decision: Decision) -> pd.DataFrame:
    """Return a prediction table with each image's verdict.

    Args:
        predictions: a prediction table.
        decision: the decision of the run.

    Returns:
        The table with two more columns. `calibrated` is the probability of a crack that the
        registered model gives (float64, 0 to 1). `verdict` is 1 if the image counts as cracked,
        else 0 (int64).
    """
    calibrated = at_temperature(predictions, decision.temperature).probability
    verdict = (calibrated >= decision.threshold).astype("int64")
    return predictions.assign(calibrated=calibrated, verdict=verdict)


def by_verdict(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return a prediction table in which `correct` tells whether the verdict is correct.

    A table without the column `verdict` is returned unchanged.
    """
    if "verdict" not in predictions:
        return predictions
    return predictions.assign(correct=predictions.verdict == predictions.label)
