"""Two classifiers on the same images: is their difference real?"""

import numpy as np
from scipy.stats import binomtest


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """The p-value of McNemar's exact test that both err equally often (McNemar 1947).

    Args:
        first: (n,) bool, whether the first classifier is right on each image.
        second: (n,) bool, the same of the second one, in the same order.
    """
    better, worse = _discordant(first, second)
    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


def difference_interval(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of how many more errors the first makes, as a share of the images.

    Clopper and Pearson's interval for the discordant images, given how many these are; it leaves
    out 0 exactly where `mcnemar` is below 0.05.
    """
    better, worse = _discordant(first, second)
    if not better + worse:
        return 0.0, 0.0
    share = binomtest(worse, better + worse).proportion_ci(method="exact")
    scale = (better + worse) / len(first)
    return float((2 * share.low - 1) * scale), float((2 * share.high - 1) * scale)


def _discordant(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """Images that only the first has right, and that only the second has right."""
    return int((first & ~second).sum()), int((~first & second).sum())
