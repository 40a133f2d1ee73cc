"""Choosing the probability from which a patch is reported as cracked, by the costs of errors."""

from typing import Literal

import numpy as np
import pandas as pd

# The threshold of the verdicts; `cheapest` is the one of least cost on the validation images.
Threshold = float | Literal["cheapest"]


def threshold_of(wanted: Threshold, cheapest: float) -> float:
    """Return the threshold of the verdicts, 0 to 1.

    Args:
        wanted: the setting `decision.threshold`.
        cheapest: the threshold that `choose_threshold` found.
    """
    return cheapest if wanted == "cheapest" else wanted


def choose_threshold(
    predictions: pd.DataFrame, *, missed_crack: float, false_alarm: float
) -> float:
    """Choose the threshold with the lowest total cost on these predictions.

    All thresholds between two neighbouring probabilities have the same cost. Among the cheapest
    ones, the nearest to false_alarm / (false_alarm + missed_crack) is chosen. That ratio is the
    best threshold for perfectly calibrated probabilities.

    Args:
        predictions: a calibrated prediction table of validation images.
        missed_crack: the cost of a cracked patch that is not reported, above 0.
        false_alarm: the cost of a patch without a crack that is reported, above 0.

    Returns:
        The threshold, 0 to 1. Images at or above it are reported.
    """
    order = np.argsort(predictions.probability.to_numpy())
    probability = predictions.probability.to_numpy()[order]
    cracked = predictions.label.to_numpy()[order] == 1
    # If the first k images are not reported, their cracks are missed. Images without a crack among
    # the others are false alarms. Both counts are computed for every k from 0 on.
    missed = np.concatenate([[0], np.cumsum(cracked)])
    alarms = np.concatenate([[0], np.cumsum(~cracked)])
    cost = missed_crack * missed + false_alarm * (alarms[-1] - alarms)
    # The lowest bound is below 0, so that an image with the probability 0 can be reported too.
    low = np.concatenate([[-1], probability])
    high = np.concatenate([probability, [1]])
    # No threshold lies between images of the same probability.
    cost = np.where(low < high, cost, np.inf)
    cheapest = cost == cost.min()
    ideal = false_alarm / (false_alarm + missed_crack)
    # An image at the threshold is reported, so the lower bound itself is not in the interval.
    nearest = np.clip(ideal, np.maximum(np.nextafter(low, 1), 0), high)[cheapest]
    return float(nearest[np.argmin(np.abs(nearest - ideal))])


def at_threshold(
    predictions: pd.DataFrame, threshold: float, *, missed_crack: float, false_alarm: float
) -> dict[str, float]:
    """Count the missed cracks and the false alarms at a threshold.

    Args:
        predictions: a prediction table.
        threshold: the probability from which an image is reported, 0 to 1.
        missed_crack: see `choose_threshold`.
        false_alarm: see `choose_threshold`.

    Returns:
        `missed_cracks` and `false_alarms`, which are numbers of images, and `cost`, the mean cost
        of an image.
    """
    reported = predictions.probability >= threshold
    missed = int((~reported & (predictions.label == 1)).sum())
    alarms = int((reported & (predictions.label == 0)).sum())
    return {
        "missed_cracks": missed,
        "false_alarms": alarms,
        "cost": (missed_crack * missed + false_alarm * alarms) / len(predictions),
    }
