"""Reading the finished runs of a sweep, and grouping the folds of each cross-validation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import mlflow
import pandas as pd
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from src.statistics.run_metrics import Metrics, evaluate_folds
from src.sweeps.ranking import Candidate
from src.sweeps.setting_names import named
from src.sweeps.sweep_jobs import FINGERPRINT, START, Values, values_of
from src.tracking.run_reading import (
    TESTED,
    evaluate_settings,
    images_of,
    predictions_of,
    verdict_threshold,
)
from src.tracking.runs import metrics_of_parts

# Runs that differ only in this setting are the folds of one cross-validation.
FOLD = "split.fold"


@dataclass(frozen=True)
class Child:
    """A finished job of a sweep.

    Attributes:
        run: the job's run.
        values: the value of each swept setting, by the setting's name.
        predictions: the prediction table.
        metrics: the metrics by part and name.
    """

    run: Run
    values: Values
    predictions: pd.DataFrame
    metrics: Metrics


def latest_children(parent: str) -> list[Run]:
    """Return the latest child run of a sweep for each combination of swept values.

    The latest one was run or reused by the latest start of the sweep. An earlier one may have
    another configuration, because a value such as `experiment=a` names a file that can change.

    Args:
        parent: id of the sweep's parent run.
    """
    children = mlflow.search_runs(
        filter_string=f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'",
        order_by=["attributes.start_time ASC"],
        output_format="list",
    )
    jobs = [run for run in children if FINGERPRINT in run.data.tags]
    kept: dict[frozenset[tuple[str, float | str]], Run] = {}
    for run in sorted(jobs, key=_start):
        kept[frozenset(values_of(run).items())] = run
    return list(kept.values())


def _start(run: Run) -> int:
    return int(run.data.tags.get(START, 0))


def finished_jobs(children: Iterable[Run]) -> list[Child]:
    """Read the results of the finished runs among a sweep's children."""
    return [_read(run) for run in children if run.info.status == "FINISHED"]


def _read(run: Run) -> Child:
    metrics = metrics_of_parts(run.info.run_id)
    return Child(run, values_of(run), predictions_of(run), metrics)


def candidates(children: Sequence[Child]) -> list[Candidate]:
    """Make a candidate for each combination of swept values. Its folds are joined.

    Where some combinations have other folds than others, only the folds of the sweep's latest start
    count, because some folds are harder.
    """
    settings: dict[tuple[tuple[str, float | str], ...], list[Child]] = {}
    for child in children:
        values = tuple(sorted((key, v) for key, v in child.values.items() if key != FOLD))
        settings.setdefault(values, []).append(child)
    latest = max((_start(child.run) for child in children), default=0)
    wanted = {_fold(child) for child in children if _start(child.run) == latest}
    if len({frozenset(map(_fold, folds)) for folds in settings.values()}) > 1:
        for values, folds in settings.items():
            # An earlier start may have had none of these folds.
            settings[values] = [one for one in folds if _fold(one) in wanted] or folds
    return [_candidate(dict(values), folds, wanted) for values, folds in settings.items()]


def _fold(child: Child) -> float | str | None:
    return child.values.get(FOLD)


def _candidate(
    values: Values, folds: Sequence[Child], wanted: set[float | str | None]
) -> Candidate:
    first = folds[0]
    run_id, name = first.run.info.run_id, first.run.info.run_name
    tables, metrics = [fold.predictions for fold in folds], first.metrics
    if FOLD in first.values:
        count = f"{len(folds)} fold{'s' if len(folds) > 1 else ''}"
        name = f"{named(values)} {count}".strip()
        thresholds = [verdict_threshold(fold.run.info.run_id) for fold in folds]
        metrics = evaluate_folds(tables, evaluate_settings(run_id), thresholds)
    seconds = sum(fold.run.info.end_time - fold.run.info.start_time for fold in folds) / 1000
    images = frozenset(images_of(fold.run for fold in folds))
    lacking = len(wanted - set(map(_fold, folds)))
    tests = {fold.run.data.tags.get(TESTED) for fold in folds}
    tested = frozenset() if None in tests else frozenset(map(str, tests))
    return Candidate(name, values, tables, metrics, seconds, run_id, images, lacking, tested)
