"""Whether a model may take the champion's place."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from src.errors import InputError
from src.statistics.head_to_head import aligned_tests, differences


@dataclass(frozen=True)
class Ruling:
    """What was decided of a challenger.

    Attributes:
        promoted: it becomes the champion.
        why: in a sentence, with the figures.
        figures: what was compared, by name.
    """

    promoted: bool
    why: str
    figures: Mapping[str, float]


def decide(
    challenger: pd.DataFrame, champion: pd.DataFrame | None, *, margin: float, min_accuracy: float
) -> Ruling:
    """Compare two models on their common test part.

    The challenger is promoted if it makes no more errors than the champion, or if even the upper
    end of the 95 % interval of the difference of their error rates is at most `margin`.

    Args:
        challenger: its prediction table.
        champion: its prediction table; None where there is none yet.
        margin: a share of the test images.
        min_accuracy: on the test images, below which the challenger is refused in any case.

    Raises:
        InputError: they were not tested on the same images, or the challenger on none.
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
        pair = differences(tests).iloc[0]
        figures["champion_errors"] = errors["champion"]
        figures |= {key: float(pair[key]) for key in ("difference", "low", "high", "p_value")}
        made += (
            f" where the champion makes {errors['champion']} (the error rates differ by "
            f"{100 * figures['difference']:+.3f} points, {100 * figures['low']:+.3f} to "
            f"{100 * figures['high']:+.3f}; McNemar p = {figures['p_value']:.3g})"
        )
    if 1 - errors["challenger"] / images < min_accuracy:
        return Ruling(False, f"{made}: an accuracy below min_accuracy={min_accuracy:g}", figures)
    if champion is None:
        return Ruling(True, f"{made}; there was no champion to compare with", figures)
    if errors["challenger"] <= errors["champion"]:
        return Ruling(True, f"{made}: no more than the champion", figures)
    within = figures["high"] <= margin
    by = "at most" if within else "possibly more than"
    return Ruling(within, f"{made}: more, by {by} the margin of {100 * margin:g} points", figures)
