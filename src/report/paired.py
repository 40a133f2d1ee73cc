"""Two classifiers on the same images: is one better, or was it chance?"""

import numpy as np
from scipy.stats import binomtest


def mcnemar(first_correct: np.ndarray, second_correct: np.ndarray) -> float:
    """McNemar's exact test (McNemar 1947, by the binomial distribution): the two-sided p value.

    Only images that exactly one of the two has right count; if neither is better, each of these is
    as likely to be the first's as the second's.

    Args:
        first_correct: (n,) bool, whether the first classifier has each image right.
        second_correct: (n,) bool, the second on the same images in the same order.

    Returns:
        In (0, 1]; 1 if both are right on the same images.
    """
    only_first = int(np.sum(first_correct & ~second_correct))
    only_second = int(np.sum(~first_correct & second_correct))
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)
