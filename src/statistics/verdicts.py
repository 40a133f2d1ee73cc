"""What a decision makes of a model's predictions."""

import pandas as pd

from src.model.decision import Decision
from src.statistics.calibration import at_temperature


def with_verdicts(predictions: pd.DataFrame, decision: Decision) -> pd.DataFrame:
    """The prediction table with each image's verdict.

    Returns:
        The table with two more columns: `calibrated`, the probability of a crack as the registered
        model gives it (float64, 0 to 1), and `verdict`, 1 where that makes the image cracked.
    """
    calibrated = at_temperature(predictions, decision.temperature).probability
    verdict = (calibrated >= decision.threshold).astype("int64")
    return predictions.assign(calibrated=calibrated, verdict=verdict)


def by_verdict(predictions: pd.DataFrame) -> pd.DataFrame:
    """The prediction table with `correct` by the verdicts, if it has them; else as it is."""
    if "verdict" not in predictions:
        return predictions
    return predictions.assign(correct=predictions.verdict == predictions.label)
