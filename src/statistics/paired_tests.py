"""Two classifiers on the same images: is their difference real, and how large may it be?"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from src.statistics.intervals import LEVEL, design_effect, sums_of_groups

# Below this p-value, two classifiers are told apart.
SIGNIFICANT = 1 - LEVEL


def sign_flip_test(first: np.ndarray, second: np.ndarray, groups: np.ndarray) -> float:
    """The two-sided p-value that both classifiers err equally often, over groups.

    If they do, the classifiers could change places in any group. The test counts, among all such
    exchanges, those with at least the observed difference in errors (Fisher 1935). The count is
    exact. Where each image is a group, this is McNemar's exact test.

    Args:
        first: (n,) bool, whether the first classifier is right on each image.
        second: (n,) bool, the same of the second one, in the same order.
        groups: (n,) the group of each image.
    """
    more, _ = sums_of_groups(second.astype(int) - first.astype(int), groups)
    # Whole numbers, which `bincount` gives as floats.
    sizes = np.abs(more[more != 0]).astype(int)
    # The probability of each sum of the differences under random signs, from the least sum on.
    chance = np.ones(1)
    for size in sizes:
        shift = np.zeros(2 * size)
        chance = (np.concatenate([chance, shift]) + np.concatenate([shift, chance])) / 2
    sums = np.arange(len(chance)) - sizes.sum()
    return float(min(1.0, chance[np.abs(sums) >= abs(more.sum())].sum()))


def difference_interval(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray
) -> tuple[float, float]:
    """The 95 % interval of how many more errors the first makes, as a share of the images.

    It is Tango's score interval for paired proportions (1998) with all counts divided by the
    design effect (Rao and Scott 1992). It has a width where the classifiers never disagree.

    Args:
        first: (n,) bool, whether the first classifier is right on each image.
        second: (n,) bool, the same of the second one, in the same order.
        groups: (n,) the group of each image.
    """
    effect = design_effect(second.astype(float) - first.astype(float), groups)
    only_first = (~first & second).sum() / effect
    only_second = (first & ~second).sum() / effect
    images = len(first) / effect
    high = _tango_upper(only_first, only_second, images)
    return -_tango_upper(only_second, only_first, images), high


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's method (1979), in the same order."""
    corrected = np.empty(len(p_values))
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    corrected[order] = np.maximum.accumulate(np.asarray(p_values)[order] * factors)
    return np.minimum(corrected, 1).tolist()


def _tango_upper(only_first: float, only_second: float, images: float) -> float:
    """The upper end of Tango's interval: the largest difference that the score test accepts.

    Args:
        only_first: images that only the first classifier has wrong; need not be whole.
        only_second: images that only the second has wrong.
        images: all of them.
    """
    critical = norm.isf((1 - LEVEL) / 2)
    estimate = (only_first - only_second) / images

    def score(difference: float) -> float:
        """Positive where the squared score exceeds its critical value."""
        # The likeliest share that only the second has wrong, given the difference.
        half = (2 * images - only_first + only_second) * difference - only_first - only_second
        product = -8 * images * only_second * difference * (1 - difference)
        share = (np.sqrt(max(half**2 - product, 0)) - half) / (4 * images)
        variance = images * (2 * share + difference * (1 - difference))
        return float((images * (difference - estimate)) ** 2 - critical**2 * variance)

    # At the estimate itself the score is 0 where the classifiers never disagree.
    return float(brentq(score, estimate + 1e-9 / images, 1, xtol=1e-12))
