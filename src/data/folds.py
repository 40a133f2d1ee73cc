"""How many equal folds the parts of a split are made up of."""

import math
from collections.abc import Mapping
from fractions import Fraction

from src.errors import InputError

MOST_FOLDS = 20


def folds_of(fractions: Mapping[str, float], fold: int) -> tuple[int, int, int]:
    """The number of folds in all, of those of validation, and of those of test.

    Args:
        fractions: of train, validation and test; together 1.
        fold: which folds are test, from 0 on.

    Raises:
        InputError: there is no such fold, or no number of folds up to `MOST_FOLDS` makes up the
            fractions.
    """
    given = [fractions["validation"], fractions["test"]]
    shares = [Fraction(value).limit_denominator(MOST_FOLDS) for value in given]
    folds = math.lcm(*(share.denominator for share in shares))
    exact = all(abs(share - value) < 1e-6 for share, value in zip(shares, given, strict=True))
    if not (exact and all(shares) and folds <= MOST_FOLDS):
        raise InputError(
            f"split.validation {given[0]:g} and split.test {given[1]:g} can't be made up of at "
            f"most {MOST_FOLDS} equal folds: give multiples of 0.05"
        )
    validation, test = (int(share * folds) for share in shares)
    if not 0 <= fold < folds // test:
        raise InputError(f"split.fold is {fold}, and must be from 0 to {folds // test - 1}")
    return folds, validation, test
