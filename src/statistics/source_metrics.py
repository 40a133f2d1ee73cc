"""Metrics of the test images by source, with intervals over groups of related images."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from src.config.schema import Evaluate
from src.statistics.intervals import LEVEL, accuracy_interval
from src.statistics.metrics import predicted_labels, summarise

# The metrics that have an interval, and their titles. `_low` and `_high` are added for its ends.
WITH_INTERVAL = {
    "roc_auc": "AUROC",
    "f1": "F1",
    "recall": "recall",
    "false_alarm_rate": "false alarms",
}
# The most weights of images that are held at once, 100 MB.
_MOST_WEIGHTS = 12_000_000


def metrics_by_source(predictions: pd.DataFrame, settings: Evaluate) -> dict[str, dict[str, float]]:
    """Compute the metrics of the test images of each source.

    Args:
        predictions: a prediction table. If all its images are of one source, there is nothing to
            tell apart, and the result is empty.
        settings: the settings of the evaluation; see conf/evaluate/standard.yaml.

    Returns:
        The metrics by section `test/<source>` and name. They are those of `summarise` and
        false_alarm_rate, the share of crack-free images that are called cracked. Those in
        `WITH_INTERVAL` have a 95 % interval over groups. It is missing where the images that it is
        about are a single group: those of one class for recall and false_alarm_rate, and those of
        either class for roc_auc and f1.
    """
    if predictions.source.nunique() < 2:
        return {}
    test = predictions[predictions.part == "test"]
    return {
        f"test/{source}": _of_source(images, settings) for source, images in test.groupby("source")
    }


def source_table(metrics: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return the metrics by source as a table with a row for each source.

    Args:
        metrics: the metrics of a run by section and name; see `metrics_by_source`.
    """
    found = {
        section.removeprefix("test/"): values
        for section, values in metrics.items()
        if section.startswith("test/")
    }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("source").reset_index()


def _of_source(images: pd.DataFrame, settings: Evaluate) -> dict[str, float]:
    found = summarise(images, settings.bins)
    for name, label in (("recall", 1), ("false_alarm_rate", 0)):
        of_class = images[images.label == label]
        right = of_class.correct.to_numpy()
        if label == 0 and len(right):
            found[name] = float(1 - right.mean())
        if of_class.group.nunique() < 2:
            continue
        low, high = accuracy_interval(right, of_class.group.to_numpy())
        if label == 0:
            low, high = 1 - high, 1 - low
        found |= {f"{name}_low": low, f"{name}_high": high}
    groups = images.groupby("label").group.nunique()
    if len(groups) == 2 and groups.min() > 1:
        found |= bootstrap_intervals(images, settings.resamples, settings.seed)
    return found


def bootstrap_intervals(images: pd.DataFrame, resamples: int, seed: int) -> dict[str, float]:
    """Compute 95 % intervals of the AUROC and of F1 by a percentile bootstrap over groups.

    Like every bootstrap, it is too narrow with fewer than about 20 groups. Resamples that lack a
    class do not count. A metric that is the same in all resamples, as without any error, has no
    interval.

    Args:
        images: a prediction table with at least two groups of each class.
        resamples: number of times that the groups are resampled.
        seed: seed of the resampling.

    Returns:
        roc_auc_low, roc_auc_high, f1_low and f1_high, as far as they have an interval.
    """
    rng = np.random.default_rng(seed)
    _, group = np.unique(images.group, return_inverse=True)
    groups = group.max() + 1
    label, predicted = images.label.to_numpy(), predicted_labels(images)
    drawn: dict[str, list[np.ndarray]] = {"roc_auc": [], "f1": []}
    batch = max(1, _MOST_WEIGHTS // len(images))
    for start in range(0, resamples, batch):
        times = rng.multinomial(groups, np.full(groups, 1 / groups), min(batch, resamples - start))
        weights = times[:, group].astype(np.float64)
        drawn["roc_auc"].append(weighted_auc(weights, label, images.logit.to_numpy()))
        with np.errstate(invalid="ignore"):
            hits = weights @ (label * predicted)
            f1 = 2 * hits / (weights @ label + weights @ predicted)
        both = (weights @ label > 0) & (weights @ (1 - label) > 0)
        drawn["f1"].append(np.where(both, f1, np.nan))
    tail = (1 - LEVEL) / 2
    found: dict[str, float] = {}
    for name, values in drawn.items():
        low, high = np.nanquantile(np.concatenate(values), (tail, 1 - tail))
        # Without an error in any resample, the images do not tell how wide the interval is.
        if low < high:
            found |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return found


def weighted_auc(weights: np.ndarray, label: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Compute the area under the ROC curve for many weightings of the same images.

    It is the probability that a cracked image has a higher score than a crack-free one, where
    equal scores count half.

    Args:
        weights: (weightings, n) float64, the weight of each image.
        label: (n,) 0 or 1.
        score: (n,) any numbers.

    Returns:
        (weightings,) float64; NaN where a class has no weight.
    """
    order = np.argsort(score, kind="stable")
    _, starts = np.unique(score[order], return_index=True)
    sorted_weights, cracked = weights[:, order], label[order]
    positive = np.add.reduceat(sorted_weights * cracked, starts, axis=1)
    negative = np.add.reduceat(sorted_weights * (1 - cracked), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    with np.errstate(invalid="ignore"):
        return (positive * below).sum(1) / (positive.sum(1) * negative.sum(1))
