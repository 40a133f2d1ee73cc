"""Whether a predicted probability means what it says, and how to mend it where it does not."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import chi2

# A temperature is looked for between its inverse and itself.
HOTTEST = 100.0
# The standard deviation of the prior of a temperature's logarithm, around 0. It moves a fit to
# thousands of images with errors by less than 2 % (tests/statistics/test_calibration.py).
PRIOR_DEVIATION = 1.0


def fit_temperature(predictions: pd.DataFrame) -> float:
    """The temperature by which logits are divided to be calibrated (Guo et al. 2017).

    It is the likeliest one under a log-normal prior around 1. Without a prior, images that are all
    predicted rightly would have the temperature 0, and every probability would be 0 or 1.

    Args:
        predictions: a prediction table, of validation images.
    """
    deviation = np.log(HOTTEST)

    def objective(log_temperature: float) -> float:
        prior = (log_temperature / PRIOR_DEVIATION) ** 2 / 2
        return _total_loss(predictions, np.exp(log_temperature)) + prior

    found = minimize_scalar(objective, bounds=(-deviation, deviation), method="bounded")
    return float(np.exp(found.x))


def determines_temperature(predictions: pd.DataFrame, temperature: float) -> bool:
    """Whether these images alone rule out both half and twice the temperature.

    The test is the likelihood ratio's at the level of 5 %, without the prior. If it fails, as it
    does where no image is wrong, the temperature is the prior's as much as the data's.

    Args:
        predictions: the prediction table that the temperature was fitted to.
        temperature: what `fit_temperature` found.
    """
    least = _total_loss(predictions, temperature)
    others = (_total_loss(predictions, temperature * factor) for factor in (0.5, 2))
    return all(2 * (loss - least) > chi2.isf(0.05, 1) for loss in others)


def _total_loss(predictions: pd.DataFrame, temperature: float) -> float:
    """The sum of the images' cross-entropies at that temperature, in nats."""
    return float(at_temperature(predictions, temperature).loss.sum())


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
