"""Comparing models on photos whose findings a person has corrected."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from tqdm import tqdm

from src.data.corrections import CORRECTIONS, Correction, in_force, read_corrections
from src.errors import InputError
from src.statistics.head_to_head import paired_difference

# Whose right answers are compared, by the figure's name.
OTHERS = {"champion_right": "the champion", "project_right": "the model in models/"}


class Judging(Protocol):
    def judge(self, images: Sequence[bytes]) -> Sequence[Mapping[str, Any]]: ...


def answers(judge: Judging, folder: Path) -> pd.DataFrame:
    """Judge corrected photos, and compare the findings with what the person said.

    A box that the person marked as a crack is answered rightly if a region lies over it. A box
    marked crack-free is, if no other region lies over it. A region lies over a box if it shares
    half of the smaller one's area with it. In a box of the whole photo that is any region.

    Args:
        judge: the judge of the model.
        folder: a folder with corrections.csv and the photos that it names.

    Returns:
        A table of the corrections: `correct` (bool) and `group` (int64), the number of the photo.

    Raises:
        InputError: there are no corrections, or a photo can't be judged. The message names it.
    """
    said = read_corrections(folder)
    if not said:
        raise InputError(f"{folder / CORRECTIONS} is missing or has no corrections")
    files = list(dict.fromkeys(one.file for one in said))
    correct, group = [], []
    for number, file in enumerate(tqdm(files, "corrected photos", unit="photo")):
        found = _judged(judge, folder / file)
        here = [one for one in said if one.file == file]
        counting = in_force(here, found["width"], found["height"])
        correct += [_answered_rightly(found["regions"], one, counting) for one in counting]
        group += [number] * len(counting)
    return pd.DataFrame({"correct": correct, "group": np.array(group, np.int64)})


def compared(
    challenger: pd.DataFrame, other: pd.DataFrame | None = None, whose: str = "champion"
) -> dict[str, float]:
    """Compare the answers of two models.

    Args:
        challenger: the challenger's table; see `answers`.
        other: the table of the model in use, or None if there is none.
        whose: `champion`, or `project` for the model that comes with the project.

    Returns:
        `corrections` and `right` are numbers of corrections. With another model there are also
        `champion_right` or `project_right`, and `p_value`, that of the sign-flip test over photos.
    """
    figures: dict[str, float] = {
        "corrections": len(challenger),
        "right": int(challenger.correct.sum()),
    }
    if other is None:
        return figures
    p_value = paired_difference(challenger, other)["p_value"]
    return {**figures, f"{whose}_right": int(other.correct.sum()), "p_value": p_value}


def as_sentence(figures: Mapping[str, float]) -> str:
    """Say what `compared` has found."""
    text = f"on corrected photos it answers {figures['right']} of {figures['corrections']} rightly"
    for key, other in OTHERS.items():
        if key in figures:
            p_value = f"p = {figures['p_value']:.3g} over photos"
            text += f", {other} {figures[key]} ({p_value})"
    return text


def _judged(judge: Judging, file: Path) -> Mapping[str, Any]:
    try:
        return judge.judge([file.read_bytes()])[0]
    except Exception as error:
        raise InputError(f"{file} is corrected, but can't be judged: {error}") from error


def _answered_rightly(
    regions: Sequence[Mapping[str, Any]], said: Correction, all_said: Sequence[Correction]
) -> bool:
    over = [region["box"] for region in regions if _lies_over(region["box"], said.box)]
    if said.cracked:
        return bool(over)
    cracks = [one.box for one in all_said if one.cracked]
    return all(any(_lies_over(region, box) for box in cracks) for region in over)


def _lies_over(region: Sequence[int], box: Sequence[int]) -> bool:
    width = min(region[2], box[2]) - max(region[0], box[0])
    height = min(region[3], box[3]) - max(region[1], box[1])
    smaller = min((b[2] - b[0]) * (b[3] - b[1]) for b in (region, box))
    return width > 0 and height > 0 and 2 * width * height >= smaller
