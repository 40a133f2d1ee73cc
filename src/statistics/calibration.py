"""Calibration: how to measure and correct the calibration error of predicted probabilities."""

import numpy as np
import pandas as pd
from scipy.special import chdtri, expit

# The highest temperature of the search. The lowest one is its inverse.
HOTTEST = 100.0
# Standard deviation of the prior of a temperature's logarithm; the mean is 0. The prior changes a
# fit to thousands of images with errors by less than 2 % (tests/statistics/test_calibration.py).
PRIOR_DEVIATION = 1.0


def fit_temperature(predictions: pd.DataFrame) -> float:
    """Fit the temperature that calibrates the logits (Guo et al. 2017, arXiv:1706.04599).

    Calibrated logits are the logits divided by the temperature. The temperature has the highest
    posterior probability under a log-normal prior around 1. Without a prior, images that are all
    predicted correctly would give the temperature 0. Every probability would then be 0 or 1.

    Args:
        predictions: prediction table of validation images.

    Returns:
        The temperature, from 0.01 to 100.
    """
    # Commands that fit nothing need not wait for this import.
    from scipy.optimize import minimize_scalar

    deviation = np.log(HOTTEST)

    def objective(log_temperature: float) -> float:
        prior = (log_temperature / PRIOR_DEVIATION) ** 2 / 2
        return _total_loss(predictions, np.exp(log_temperature)) + prior

    # Logits that hardly differ have a second minimum, at which the search could end.
    tried = np.linspace(-deviation, deviation, 41)
    least = int(np.argmin([objective(one) for one in tried]))
    bounds = tried[max(least - 1, 0)], tried[min(least + 1, len(tried) - 1)]
    found = minimize_scalar(objective, bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def determines_temperature(predictions: pd.DataFrame, temperature: float) -> bool:
    """Return whether the images alone rule out both half and twice the temperature.

    This is a likelihood-ratio test at the level of 5 %, without the prior. It fails if no image is
    wrong, for example. The temperature then depends on the prior as much as on the images.

    Args:
        predictions: the prediction table that the temperature was fitted to.
        temperature: the result of `fit_temperature`.
    """
    least = _total_loss(predictions, temperature)
    others = (_total_loss(predictions, temperature * factor) for factor in (0.5, 2))
    # The value that a chi-squared variable with one degree of freedom exceeds in 5 % of cases.
    return all(2 * (loss - least) > chdtri(1, 0.05) for loss in others)


def _total_loss(predictions: pd.DataFrame, temperature: float) -> float:
    """Compute the sum of the images' cross-entropies at a temperature, in nats."""
    return float(at_temperature(predictions, temperature).loss.sum())


def at_temperature(predictions: pd.DataFrame, temperature: float) -> pd.DataFrame:
    """Return the prediction table with the logits, probabilities and losses at a temperature.

    Args:
        predictions: a prediction table.
        temperature: divisor of the logits, above 0.
    """
    logit = predictions.logit / temperature
    toward_truth = np.where(predictions.label == 1, logit, -logit)
    return predictions.assign(
        logit=logit, probability=expit(logit), loss=np.logaddexp(0, -toward_truth)
    )


def reliability(predictions: pd.DataFrame, bins: int) -> pd.DataFrame:
    """Compare confidence with accuracy in bins of equal width (Guo et al. 2017, arXiv:1706.04599).

    The confidence is the probability of the predicted class, from 0.5 to 1.

    Args:
        predictions: a prediction table.
        bins: number of bins from 0 to 1.

    Returns:
        A table with a row for each bin that is not empty. The columns are the mean `confidence`,
        `accuracy` and the number of `images`.
    """
    confidence = np.maximum(predictions.probability, 1 - predictions.probability)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    # The confidence is that of the likelier class. A verdict may be the other class.
    likelier = (predictions.probability > 0.5).astype(int)
    right = (likelier == predictions.label).astype(float)
    table = pd.DataFrame({"confidence": confidence, "accuracy": right})
    grouped = table.groupby(which)
    return grouped.mean().assign(images=grouped.size()).reset_index(drop=True)


def expected_calibration_error(predictions: pd.DataFrame, bins: int) -> float:
    """Compute the mean difference of confidence and accuracy over bins, weighted by their images.

    Args:
        predictions: a prediction table.
        bins: see `reliability`.

    Returns:
        The mean absolute difference, 0 to 1 (Guo et al. 2017, arXiv:1706.04599).
    """
    table = reliability(predictions, bins)
    gaps = (table.accuracy - table.confidence).abs()
    return float((gaps * table.images).sum() / table.images.sum())
