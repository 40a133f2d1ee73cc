"""Test and interval for the difference of two classifiers on the same images."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from src.statistics.intervals import LEVEL, design_effect, sums_of_groups

# Two classifiers are told apart if the p-value is below this level.
SIGNIFICANT = 1 - LEVEL


def sign_flip_test(first: np.ndarray, second: np.ndarray, groups: np.ndarray) -> float:
    """Test over groups whether two classifiers make equally many errors.

    If the two err alike, their results can be exchanged in any group. The p-value is the
    share of all such exchanges with at least the observed difference of errors (Fisher 1935). It is
    computed exactly. If each image is a group, this is McNemar's exact test.

    Args:
        first: (n,) bool, whether the first classifier is correct on each image.
        second: (n,) bool, whether the second classifier is correct on the same images.
        groups: (n,) the group of each image.

    Returns:
        The two-sided p-value.
    """
    # Groups without a difference have one exchange, so only the few images that differ are summed.
    differ = first != second
    gained = second[differ].astype(int) - first[differ].astype(int)
    more, _ = sums_of_groups(gained, groups[differ])
    # The sums are whole numbers, but `bincount` returns them as floats.
    sizes = np.abs(more[more != 0]).astype(int)
    # The probabilities of all sums of the differences under random signs, the lowest sum first.
    chance = np.ones(1)
    for size in sizes:
        shift = np.zeros(2 * size)
        chance = (np.concatenate([chance, shift]) + np.concatenate([shift, chance])) / 2
    sums = np.arange(len(chance)) - sizes.sum()
    return float(min(1.0, chance[np.abs(sums) >= abs(more.sum())].sum()))


def difference_interval(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray
) -> tuple[float, float]:
    """Compute the 95 % interval of the first error rate minus the second.

    It is Tango's score interval for paired proportions (1998). All counts are divided by the design
    effect (Rao and Scott 1992). The interval has a width even if the classifiers never disagree.

    Args:
        first: (n,) bool, whether the first classifier is correct on each image.
        second: (n,) bool, whether the second classifier is correct on the same images.
        groups: (n,) the group of each image.

    Returns:
        The lower and the upper end, -1 to 1.
    """
    effect = design_effect(second.astype(float) - first.astype(float), groups)
    # Numbers of Python's own, because the search for the ends computes with them many times.
    only_first = int((~first & second).sum()) / effect
    only_second = int((first & ~second).sum()) / effect
    images = len(first) / effect
    high = _tango_upper(only_first, only_second, images)
    return -_tango_upper(only_second, only_first, images), high


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number by Holm's method (1979).

    Args:
        p_values: the p-values.

    Returns:
        The corrected p-values, in the same order.
    """
    corrected = np.empty(len(p_values))
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    corrected[order] = np.maximum.accumulate(np.asarray(p_values)[order] * factors)
    return np.minimum(corrected, 1).tolist()


def _tango_upper(only_first: float, only_second: float, images: float) -> float:
    """Compute the upper end of Tango's interval: the largest difference that the test accepts.

    The numbers of images may be fractions, because they are divided by the design effect.

    Args:
        only_first: number of images on which only the first classifier is wrong.
        only_second: number of images on which only the second classifier is wrong.
        images: number of all images.
    """
    from scipy.optimize import brentq

    critical = float(ndtri((1 + LEVEL) / 2))
    estimate = (only_first - only_second) / images

    def score(difference: float) -> float:
        """Return a positive number if the squared score exceeds its critical value."""
        # The most likely share of images on which only the second one is wrong, if the difference
        # is given.
        half = (2 * images - only_first + only_second) * difference - only_first - only_second
        product = -8 * images * only_second * difference * (1 - difference)
        share = (math.sqrt(max(half**2 - product, 0)) - half) / (4 * images)
        variance = images * (2 * share + difference * (1 - difference))
        return (images * (difference - estimate)) ** 2 - critical**2 * variance

    # The search starts a little above the estimate. At the estimate itself the score is 0 if the
    # classifiers never disagree, and the search would end there.
    return float(brentq(score, estimate + 1e-9 / images, 1, xtol=1e-12))
