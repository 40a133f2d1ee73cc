"""The settings of a sweep in order of how well they do, and which of them can't be told apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from src.statistics.paired_tests import mcnemar
from src.statistics.result_tables import SIGNIFICANT


@dataclass(frozen=True)
class Candidate:
    """One setting of a sweep: one run, or the folds of a cross-validation taken together.

    Attributes:
        name: of the run.
        values: what it has for each swept setting.
        predictions: its prediction table, of all its folds.
        metrics: see `src.statistics.run_metrics.evaluate`.
        seconds: that its training took.
        run_id: of its run, or of one of its folds.
        images: fingerprints of the data that it was tested on: one, or none where it is not known.
        lacking: how many folds of the sweep's latest start it has no run of.
    """

    name: str
    values: Mapping[str, float | str]
    predictions: pd.DataFrame
    metrics: Mapping[str, Mapping[str, float]]
    seconds: float
    run_id: str
    images: frozenset[str]
    lacking: int


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates by validation loss, the least first; those that lack folds after the rest."""
    return sorted(candidates, key=lambda one: (one.lacking, one.metrics["validation"]["loss"]))


def ranking_table(ranking: Sequence[Candidate]) -> pd.DataFrame:
    """One row a candidate of `ranked`, the best first.

    Returns:
        `name`; the swept settings; validation_loss and validation_errors; test_errors, test_images,
        test_accuracy with its 95 % Wilson interval test_low to test_high, test_loss; minutes;
        p_value of McNemar's exact test against the best one on the test images, missing where
        these are others; and as_good_as_best, whether p_value is at least 0.05.
    """
    rows = []
    for candidate in ranking:
        validation, test = candidate.metrics["validation"], candidate.metrics["test"]
        p_value = _p_value(ranking[0], candidate)
        rows.append(
            {
                "name": candidate.name,
                **candidate.values,
                "validation_loss": validation["loss"],
                "validation_errors": int(validation["errors"]),
                "test_errors": int(test["errors"]),
                "test_images": int(test["images"]),
                "test_accuracy": test["accuracy"],
                "test_low": test["accuracy_low"],
                "test_high": test["accuracy_high"],
                "test_loss": test["loss"],
                "minutes": candidate.seconds / 60,
                "p_value": p_value,
                "as_good_as_best": None if p_value is None else p_value >= SIGNIFICANT,
            }
        )
    return pd.DataFrame(rows)


def markdown_table(table: pd.DataFrame) -> str:
    """`ranking_table`, of at least one candidate, as Markdown: what a person compares."""
    lines = [
        "| run | validation loss | test errors | test accuracy (95 % interval) | minutes "
        "| p against the best | |",
        "|---|---|---|---|---|---|---|",
    ]
    best, *_ = rows = table.to_dict("records")
    for row in rows:
        p_value, told = "–", "the best" if row is best else "other images"
        # Missing is None as made here, and NaN in a column of numbers.
        if row is not best and pd.notna(row["p_value"]):
            p_value = f"{row['p_value']:.3g}"
            more = row["test_errors"] > best["test_errors"]
            known = "more errors than the best" if more else "fewer errors than the best"
            told = "can't be told from the best" if row["as_good_as_best"] else known
        lines.append(
            f"| {row['name']} | {row['validation_loss']:.5f} "
            f"| {row['test_errors']} of {row['test_images']} "
            f"| {row['test_accuracy']:.5f} ({row['test_low']:.4f} to {row['test_high']:.4f}) "
            f"| {row['minutes']:.1f} | {p_value} | {told} |"
        )
    return "\n".join(lines)


def _p_value(best: Candidate, other: Candidate) -> float | None:
    if len(best.images | other.images) > 1:
        return None
    first, second = (
        one.predictions[one.predictions.part == "test"].set_index("path").correct.sort_index()
        for one in (best, other)
    )
    if not first.index.equals(second.index):
        return None
    return mcnemar(first.to_numpy(), second.to_numpy())
