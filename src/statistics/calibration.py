"""Whether a predicted probability means what it says, and how to mend it where it does not."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import expit

# A temperature is looked for between its inverse and itself.
HOTTEST = 100.0


def fit_temperature(predictions: pd.DataFrame) -> float:
    """The temperature by which logits are divided for the least loss (Guo et al. 2017).

    Args:
        predictions: a prediction table, of validation images.
    """
    toward_truth = np.where(predictions.label == 1, predictions.logit, -predictions.logit)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -toward_truth / np.exp(log_temperature)).mean())

    bounds = (-np.log(HOTTEST), np.log(HOTTEST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def at_temperature(predictions: pd.DataFrame, temperature: float) -> pd.DataFrame:
    """The prediction table with logit, probability and loss as they are at that temperature."""
    logit = predictions.logit / temperature
    toward_truth = np.where(predictions.label == 1, logit, -logit)
    return predictions.assign(
        logit=logit, probability=expit(logit), loss=np.logaddexp(0, -toward_truth)
    )


def reliability(predictions: pd.DataFrame, bins: int) -> pd.DataFrame:
    """Confidence against accuracy in bins of equal width (Guo et al. 2017).

    The confidence is the probability of the class predicted, from 0.5 to 1.

    Returns:
        One row a bin that is not empty: `images`, mean `confidence` and `accuracy`.
    """
    confidence = np.maximum(predictions.probability, 1 - predictions.probability)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    table = pd.DataFrame({"confidence": confidence, "accuracy": predictions.correct.astype(float)})
    grouped = table.groupby(which)
    return grouped.mean().assign(images=grouped.size()).reset_index(drop=True)


def expected_calibration_error(predictions: pd.DataFrame, bins: int) -> float:
    """The mean distance of confidence from accuracy over the bins, weighted by their images."""
    table = reliability(predictions, bins)
    gaps = (table.accuracy - table.confidence).abs()
    return float((gaps * table.images).sum() / table.images.sum())
