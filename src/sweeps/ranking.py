"""Ranking the candidates of a sweep, and comparing each with the best."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tabulate import tabulate

from src.statistics.head_to_head import paired_difference
from src.statistics.intervals import accuracy_interval
from src.statistics.paired_tests import SIGNIFICANT, holm
from src.statistics.verdicts import by_verdict


@dataclass(frozen=True)
class Candidate:
    """One combination of swept values: a single run, or the runs of a cross-validation.

    Attributes:
        name: name of the candidate.
        values: the value of each swept setting, by the setting's name.
        folds: the prediction table of each run.
        metrics: the metrics; see `src.statistics.run_metrics.evaluate_folds`.
        seconds: duration of its runs in seconds.
        run_id: id of its run, or of one of its folds.
        images: fingerprints of the images that it was tested on. It is empty if they are unknown.
        lacking: number of folds of the sweep's latest start that have no run of this candidate.
        tested: fingerprints of the test images of its runs. It is empty if one is unknown.
    """

    name: str
    values: Mapping[str, float | str]
    folds: Sequence[pd.DataFrame]
    metrics: Mapping[str, Mapping[str, float]]
    seconds: float
    run_id: str
    images: frozenset[str]
    lacking: int
    tested: frozenset[str] = frozenset()

    @property
    def predictions(self) -> pd.DataFrame:
        """The joined prediction table of all folds."""
        return pd.concat(self.folds, ignore_index=True)


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Sort candidates by validation loss, the lowest first. Those that lack folds come last."""
    return sorted(candidates, key=lambda one: (one.lacking, one.metrics["validation"]["loss"]))


def validated_alike(candidates: Sequence[Candidate]) -> bool:
    """Return whether all candidates have the same validation images, so that losses compare."""
    first, *others = candidates
    paths = _validated(first)
    return all(_same_images(first, one) and _validated(one) == paths for one in others)


def _validated(candidate: Candidate) -> frozenset[str]:
    predictions = candidate.predictions
    return frozenset(predictions.path[predictions.part == "validation"])


def ranking_table(ranking: Sequence[Candidate], margin: float) -> pd.DataFrame:
    """Make a table with a row for each candidate, the best first.

    Args:
        ranking: the sorted candidates; see `ranked`.
        margin: the largest difference of error rates, as a share, that does not matter to the user.

    Returns:
        A table with these columns:

        - name, and a column for each swept setting,
        - validation_loss and validation_errors,
        - test_errors by the verdicts, test_images and test_loss,
        - test_accuracy with its 95 % interval over groups, test_low and test_high,
        - minutes, the duration of the runs.

        The other columns compare the candidate with the best on the test images; see
        `paired_difference`. They are missing for the best itself and for other test images.

        - difference with its 95 % interval, difference_low and difference_high,
        - p_value, and p_holm, which is corrected for the number of candidates,
        - told_apart: whether p_holm is below 0.05,
        - within_margin: whether the whole interval is within the margin on both sides.
    """
    comparisons = [_against(ranking[0], candidate) for candidate in ranking]
    table = pd.DataFrame(
        {**_results(candidate), **comparison}
        for candidate, comparison in zip(ranking, comparisons, strict=True)
    )
    known = table.p_value.notna()
    table.loc[known, "p_holm"] = holm(table.p_value[known].to_list())
    apart = table.p_holm < SIGNIFICANT
    within = (table.difference_low >= -margin) & (table.difference_high <= margin)
    return table.assign(
        told_apart=apart.astype("boolean").where(known),
        within_margin=within.astype("boolean").where(known),
    )


def _results(candidate: Candidate) -> dict[str, float | str]:
    validation, table = candidate.metrics["validation"], _verdicts_on_test(candidate)
    right = table.correct.to_numpy(bool)
    low, high = accuracy_interval(right, table.group.to_numpy())
    return {
        "name": candidate.name,
        **candidate.values,
        "validation_loss": validation["loss"],
        "validation_errors": int(validation["errors"]),
        "test_errors": int((~right).sum()),
        "test_images": len(right),
        "test_accuracy": right.mean(),
        "test_low": low,
        "test_high": high,
        "test_loss": candidate.metrics["test"]["loss"],
        "minutes": candidate.seconds / 60,
    }


def _verdicts_on_test(candidate: Candidate) -> pd.DataFrame:
    """Return the prediction table of the test images, with `correct` by the verdict."""
    predictions = candidate.predictions
    return by_verdict(predictions[predictions.part == "test"])


def markdown_table(table: pd.DataFrame) -> str:
    """Format the main columns of a ranking as Markdown.

    Args:
        table: see `ranking_table`; at least one row.
    """
    header = (
        *("run", "validation loss", "test errors", "test accuracy (95 % interval)", "minutes"),
        *("error rate minus the best's, in points (95 % interval)", "p (Holm)", ""),
    )
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in _main_columns(table)]
    return "\n".join(lines)


def text_table(table: pd.DataFrame, width: int) -> str:
    """Format the main columns of a ranking for the terminal; see `markdown_table`.

    Args:
        table: see `ranking_table`; at least one row.
        width: number of letters in a line of the terminal. Columns that have no room are left out.
    """
    accuracy = "accuracy\n(95 % interval)"
    difference = "error rate minus the best's,\nin points (95 % interval)"
    header = ["", "validation\nloss", "test\nerrors", accuracy, "minutes", difference]
    header += ["p (Holm)", " "]
    shown = pd.DataFrame(_main_columns(table), columns=header)
    for dispensable in ("minutes", accuracy, "p (Holm)", difference):
        if max(map(len, _aligned_columns(shown).splitlines())) <= width:
            break
        shown = shown.drop(columns=dispensable)
    return _aligned_columns(shown)


def _aligned_columns(shown: pd.DataFrame) -> str:
    return str(tabulate(shown, [*shown], "simple", showindex=False, disable_numparse=True))


def _main_columns(table: pd.DataFrame) -> list[list[str]]:
    """Return the main columns of a ranking as text, a list for each row."""
    rows = []
    best, *others = table.to_dict("records")
    for row in (best, *others):
        difference, p_value, told = "–", "–", "the best" if row is best else "other images"
        if pd.notna(row["p_holm"]):
            difference = (
                f"{100 * row['difference']:+.3f} ({100 * row['difference_low']:+.3f} to "
                f"{100 * row['difference_high']:+.3f})"
            )
            p_value, told = f"{row['p_holm']:.3g}", _told(row)
        accuracy = f"{row['test_accuracy']:.5f} ({row['test_low']:.4f} to {row['test_high']:.4f})"
        rows.append(
            [
                *(row["name"], f"{row['validation_loss']:.5f}"),
                *(f"{row['test_errors']} of {row['test_images']}", accuracy),
                *(f"{row['minutes']:.1f}", difference, p_value, told),
            ]
        )
    return rows


def _told(row: Mapping[Hashable, Any]) -> str:
    """Return the result of the comparison with the best as text."""
    if row["told_apart"]:
        told = f"{'more' if row['difference'] > 0 else 'fewer'} errors than the best"
    else:
        told = "not told apart"
    return f"{told}, within the margin" if row["within_margin"] else told


def _against(best: Candidate, other: Candidate) -> dict[str, float]:
    """Return the comparison of a candidate with the best, before p-values are corrected.

    All values are NaN if the candidate is the best, or if the test images are different.
    """
    missing = dict.fromkeys(("difference", "difference_low", "difference_high", "p_value"), np.nan)
    if other is best or not _same_images(best, other):
        return missing
    first, second = (_verdicts_on_test(one).set_index("path").sort_index() for one in (other, best))
    if not first.index.equals(second.index):
        return missing
    found = paired_difference(first, second)
    return {
        "difference": found["difference"],
        "difference_low": found["low"],
        "difference_high": found["high"],
        "p_value": found["p_value"],
    }


def _same_images(one: Candidate, other: Candidate) -> bool:
    """Return whether images of the same path are the same. Those for training may be others."""
    same_test = bool(one.tested) and one.tested == other.tested
    return len(one.images | other.images) <= 1 or same_test
