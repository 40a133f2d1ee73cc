"""Intervals of 95 % over groups of related images.

Images that show the same spot get similar predictions. An interval over single images would count
one spot several times and would be too narrow.
"""

import numpy as np
import pandas as pd
from scipy.special import betainccinv, betaincinv

LEVEL = 0.95
# Number of groups that `design_effect` adds. Each has the mean size, and all its images are wrong.
ADDED_GROUPS = 2


def sums_of_groups(values: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of the values in each of m groups (m,), and the groups' sizes (m,) int64.

    Args:
        values: (n,) a number for each image.
        groups: (n,) the group of each image.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return np.bincount(group, values), sizes


def design_effect(values: np.ndarray, groups: np.ndarray) -> float:
    """Compute the factor by which groups increase the variance of a mean.

    With a design effect of d, n images give as much information as n / d independent ones. It is
    the variance between groups divided by the variance between images (Kish 1965; Rao and Scott
    1992).

    A few wrong images do not show whether errors occur together in groups. `ADDED_GROUPS` groups
    of mean size, whose images are all wrong, are therefore added. Without any errors, n / d is the
    number of groups.

    Args:
        values: (n,) a number for each image, such as 1 for a wrong image and 0 for a correct one.
        groups: (n,) the group of each image.

    Returns:
        The design effect, from 1 to n. It is 1 if each image is a group. It is also 1 if images of
        a group are not more similar than others.
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
    """Compute the 95 % interval of an accuracy (Korn and Graubard 1998).

    It is the exact interval of Clopper and Pearson, with the numbers of images divided by the
    design effect. It is valid for rare errors: if no image is wrong, its lower end is still below
    1.

    Args:
        correct: (n,) bool, whether each image is predicted correctly.
        groups: (n,) the group of each image.

    Returns:
        The lower and the upper end, 0 to 1.
    """
    effect = design_effect(1.0 - correct, groups)
    right, wrong = correct.sum() / effect, (~correct).sum() / effect
    tail = (1 - LEVEL) / 2
    # Quantiles of beta distributions. scipy.stats has them too, but takes long to import.
    low = betaincinv(right, wrong + 1, tail) if right else 0.0
    high = betainccinv(right + 1, wrong, tail) if wrong else 1.0
    return float(low), float(high)


def loss_interval(predictions: pd.DataFrame, resamples: int, seed: int) -> tuple[float, float]:
    """Compute the 95 % interval of the mean loss by a percentile bootstrap over groups.

    Like every bootstrap, it is too narrow with fewer than about 20 groups.

    Args:
        predictions: a prediction table with at least two groups.
        resamples: number of times that the groups are resampled.
        seed: seed of the resampling.

    Returns:
        The lower and the upper end, in nats.
    """
    from scipy.stats import bootstrap

    table = predictions.loss.groupby(predictions.group)
    loss, images = table.sum().to_numpy(), table.size().to_numpy(float)

    def mean(loss: np.ndarray, images: np.ndarray, axis: int) -> np.ndarray:
        return np.asarray(loss.sum(axis) / images.sum(axis))

    found = bootstrap(
        (loss, images),
        mean,
        n_resamples=resamples,
        confidence_level=LEVEL,
        # This limits the memory to about 100 MB: a batch has a row of groups for each resample.
        batch=max(1, 4_000_000 // len(images)),
        vectorized=True,
        paired=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)
