"""Intervals of 95 % whose unit is the group of related images, not the image.

Images that show the same spot are predicted alike. An interval over images would count one
picture several times and would be too narrow.
"""

import numpy as np
import pandas as pd
from scipy.stats import beta, bootstrap

LEVEL = 0.95
# Groups that are added to every part, each of them of mean size and wholly wrong.
ADDED_GROUPS = 2


def sums_of_groups(values: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sum of the values (n,) in each group, and how many images the group has."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return np.bincount(group, values), sizes


def design_effect(values: np.ndarray, groups: np.ndarray) -> float:
    """By how much groups widen the variance of a mean: n images tell as much as n / this do alone.

    It is the variance between groups divided by that between images (Kish 1965; Rao and Scott
    1992). A few wrong images say little about how errors gather in groups. So `ADDED_GROUPS`
    groups of mean size that are wholly wrong are added. Without any error as many images count as
    there are groups.

    Args:
        values: (n,) numbers, such as 1 for each image that is wrong.
        groups: (n,) the group of each image.

    Returns:
        From 1 (each image is a group, or related images are no more alike than others) to n.
    """
    images = len(values)
    sums, sizes = sums_of_groups(values - values.mean(), groups)
    if len(sizes) == 1:
        return float(images)
    within = images / (images - 1) * np.sum((values - values.mean()) ** 2)
    between = len(sizes) / (len(sizes) - 1) * np.sum(sums**2)
    size = sizes.mean()
    effect = (between + ADDED_GROUPS * size**2) / (within + ADDED_GROUPS * size)
    return max(1.0, float(effect))


def accuracy_interval(correct: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of an accuracy (Korn and Graubard 1998).

    It is Clopper and Pearson's exact interval with the images divided by the design effect, which
    is right for rare errors: its lower end is below 1 where no image is wrong.

    Args:
        correct: (n,) bool, whether each image is predicted rightly.
        groups: (n,) the group of each image.
    """
    effect = design_effect(1.0 - correct, groups)
    right, wrong = correct.sum() / effect, (~correct).sum() / effect
    tail = (1 - LEVEL) / 2
    low = beta.ppf(tail, right, wrong + 1) if right else 0.0
    high = beta.isf(tail, right + 1, wrong) if wrong else 1.0
    return float(low), float(high)


def loss_interval(predictions: pd.DataFrame, resamples: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of the mean loss, by a percentile bootstrap over groups.

    With fewer than some 20 groups it is too narrow, as every bootstrap is.

    Args:
        predictions: a prediction table of at least two groups.
        resamples: how often the groups are drawn anew.
        seed: of the draws.
    """
    table = predictions.loss.groupby(predictions.group)
    loss, images = table.sum().to_numpy(), table.size().to_numpy(float)

    def mean(loss: np.ndarray, images: np.ndarray, axis: int) -> np.ndarray:
        return np.asarray(loss.sum(axis) / images.sum(axis))

    found = bootstrap(
        (loss, images),
        mean,
        n_resamples=resamples,
        confidence_level=LEVEL,
        # Groups by resamples in memory at once, some 100 MB.
        batch=max(1, 4_000_000 // len(images)),
        vectorized=True,
        paired=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)
