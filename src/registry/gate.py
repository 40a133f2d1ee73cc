"""The gate: it decides whether a challenger becomes the champion."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from src.errors import InputError
from src.statistics.head_to_head import aligned_tests, paired_difference
from src.statistics.result_tables import points


@dataclass(frozen=True)
class Ruling:
    """The decision about a challenger.

    Attributes:
        promoted: whether the challenger becomes the champion.
        why: the reason, with the figures.
        figures: the figures that were compared, by name.
    """

    promoted: bool
    why: str
    figures: Mapping[str, float]


def decide(
    challenger: pd.DataFrame, champion: pd.DataFrame | None, *, margin: float, min_accuracy: float
) -> Ruling:
    """Compare two models on their common test part.

    The challenger is promoted if it makes no more errors than the champion. It is also promoted if
    the upper bound of the difference of their error rates is at most `margin`. The bound is the
    upper end of the 95 % interval over groups of related images.

    Args:
        challenger: the challenger's prediction table.
        champion: the champion's prediction table, or None if there is no champion yet.
        margin: the largest accepted upper bound, as a share of the test images, 0 to 1.
        min_accuracy: the lowest accepted accuracy on the test images, 0 to 1. Below it, the
            challenger is always refused.

    Raises:
        InputError: the models were tested on different images, or the challenger on none.
    """
    tables = {"challenger": challenger} | ({} if champion is None else {"champion": champion})
    tests = aligned_tests(tables)
    errors = {name: int((~test.correct).sum()) for name, test in tests.items()}
    images = len(tests["challenger"])
    if not images:
        raise InputError("the challenger's predictions have no test part")
    figures: dict[str, float] = {"errors": errors["challenger"], "images": images}
    made = f"{errors['challenger']} errors of {images} test images"
    if champion is not None:
        figures["champion_errors"] = errors["champion"]
        figures |= paired_difference(tests["challenger"], tests["champion"])
        made += (
            f" where the champion makes {errors['champion']} (the error rates differ by "
            f"{points(figures['difference'])}, {100 * figures['low']:+.3f} to "
            f"{100 * figures['high']:+.3f}; p = {figures['p_value']:.3g} over groups)"
        )
    accuracy = 1 - errors["challenger"] / images
    if accuracy < min_accuracy:
        why = f"the accuracy ({accuracy:.4f}) is below min_accuracy={min_accuracy:g}; {made}"
        return Ruling(False, why, figures)
    if champion is None:
        return Ruling(True, f"there was no champion to compare with; {made}", figures)
    if errors["challenger"] <= errors["champion"]:
        return Ruling(True, f"it makes no more errors than the champion; {made}", figures)
    return _by_the_bound(figures, margin, made)


def _by_the_bound(figures: Mapping[str, float], margin: float, made: str) -> Ruling:
    """Decide about a challenger that makes more errors than the champion."""
    within = figures["high"] <= margin
    verb = "is within" if within else "exceeds"
    why = (
        f"the upper bound of the difference ({points(figures['high'])}) {verb} the margin "
        f"({100 * margin:g} points); {made}"
    )
    return Ruling(within, why, figures)
