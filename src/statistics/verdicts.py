"""Verdicts: the temperature and the threshold of a decision, applied to predictions."""

import pandas as pd

from src.statistics.calibration import at_temperature


def with_verdicts(predictions: pd.DataFrame, temperature: float, threshold: float) -> pd.DataFrame:
    """Return a prediction table with each image's verdict.

    Args:
        predictions: a prediction table.
        temperature: divisor of the log-odds, above 0.
        threshold: the calibrated probability, 0 to 1, at and above which an image is cracked.

    Returns:
        The table with two more columns. `calibrated` is the probability of a crack that the
        registered model gives (float64, 0 to 1). `verdict` is 1 if the image counts as cracked,
        else 0 (int64). `correct` tells whether the verdict is correct.
    """
    calibrated = at_temperature(predictions, temperature).probability
    verdict = (calibrated >= threshold).astype("int64")
    return by_verdict(predictions.assign(calibrated=calibrated, verdict=verdict))


def by_verdict(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return a prediction table in which `correct` tells whether the verdict is correct.

    In the tables of older versions, `correct` tells whether the likelier class is. A table without
    the column `verdict` is returned unchanged.
    """
    if "verdict" not in predictions:
        return predictions
    return predictions.assign(correct=predictions.verdict == predictions.label)
