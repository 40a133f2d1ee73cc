"""The probability from which a patch is reported as cracked, chosen by what mistakes cost."""

import numpy as np
import pandas as pd


def choose_threshold(
    predictions: pd.DataFrame, *, missed_crack: float, false_alarm: float
) -> float:
    """The threshold of least total cost on these predictions.

    Where several cost the same, as they do between two neighbouring probabilities, it is the one
    nearest to false_alarm / (false_alarm + missed_crack), the best for calibrated probabilities.

    Args:
        predictions: a prediction table of validation images, calibrated.
        missed_crack: what it costs to call a cracked patch whole.
        false_alarm: what it costs to call a whole patch cracked.
    """
    order = np.argsort(predictions.probability.to_numpy())
    probability = predictions.probability.to_numpy()[order]
    cracked = predictions.label.to_numpy()[order] == 1
    # With the first k images called whole: those of them cracked are missed, the whole ones among
    # the others are false alarms.
    missed = np.concatenate([[0], np.cumsum(cracked)])
    alarms = np.concatenate([[0], np.cumsum(~cracked)])
    cost = missed_crack * missed + false_alarm * (alarms[-1] - alarms)
    # Below 0, so that an image at 0 can be reported too.
    low = np.concatenate([[-1], probability])
    high = np.concatenate([probability, [1]])
    # Images of one probability can't be parted.
    cost = np.where(low < high, cost, np.inf)
    cheapest = cost == cost.min()
    ideal = false_alarm / (false_alarm + missed_crack)
    # An image is called cracked from the threshold on, so the interval is open below.
    nearest = np.clip(ideal, np.maximum(np.nextafter(low, 1), 0), high)[cheapest]
    return float(nearest[np.argmin(np.abs(nearest - ideal))])


def at_threshold(
    predictions: pd.DataFrame, threshold: float, *, missed_crack: float, false_alarm: float
) -> dict[str, float]:
    """What is missed and falsely reported at a threshold, and the mean cost of an image."""
    reported = predictions.probability >= threshold
    missed = int((~reported & (predictions.label == 1)).sum())
    alarms = int((reported & (predictions.label == 0)).sum())
    return {
        "missed_cracks": missed,
        "false_alarms": alarms,
        "cost": (missed_crack * missed + false_alarm * alarms) / len(predictions),
    }
