"""What the jobs of a sweep have left: their runs, read back and taken together by setting."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import mlflow
import pandas as pd
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from src.config.schema import Evaluate
from src.statistics.run_metrics import Metrics, evaluate_folds
from src.sweeps.ranking import Candidate
from src.sweeps.setting_names import named
from src.sweeps.sweep_jobs import FINGERPRINT, START, Values, values_of
from src.tracking.run_reading import config_of, images_of, predictions_of
from src.tracking.runs import metrics_of_parts

# Runs that differ in nothing else are taken together: each image is tested in one of them.
FOLD = "split.fold"


@dataclass(frozen=True)
class Child:
    """A finished job: its run, what it has for each swept setting, predictions and metrics."""

    run: Run
    values: Values
    predictions: pd.DataFrame
    metrics: Metrics


def latest_children(parent: str) -> list[Run]:
    """Of a sweep's children with the same swept values, the one its latest start ran or reused.

    An earlier one may be of another configuration: a value can name a file, as in `experiment=a,b`,
    that was edited in between.
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
    """What those of a sweep's children have left that have finished."""
    return [_read(run) for run in children if run.info.status == "FINISHED"]


def _read(run: Run) -> Child:
    return Child(run, values_of(run), predictions_of(run), metrics_of_parts(run.data.metrics))


def candidates(children: Sequence[Child]) -> list[Candidate]:
    """One a setting, its folds taken together."""
    settings: dict[tuple[tuple[str, float | str], ...], list[Child]] = {}
    for child in children:
        values = tuple(sorted((key, v) for key, v in child.values.items() if key != FOLD))
        settings.setdefault(values, []).append(child)
    latest = max((_start(child.run) for child in children), default=0)
    wanted = {child.values.get(FOLD) for child in children if _start(child.run) == latest}
    return [_candidate(dict(values), folds, wanted) for values, folds in settings.items()]


def _candidate(
    values: Values, folds: Sequence[Child], wanted: set[float | str | None]
) -> Candidate:
    first = folds[0]
    run_id, name = first.run.info.run_id, first.run.info.run_name
    tables, metrics = [fold.predictions for fold in folds], first.metrics
    if FOLD in first.values:
        count = f"{len(folds)} fold{'s' if len(folds) > 1 else ''}"
        name = f"{named(values)} {count}".strip()
        metrics = evaluate_folds(tables, Evaluate(**config_of(run_id)["evaluate"]))
    seconds = sum(fold.run.info.end_time - fold.run.info.start_time for fold in folds) / 1000
    images = frozenset(images_of(fold.run for fold in folds))
    lacking = len(wanted - {fold.values.get(FOLD) for fold in folds})
    return Candidate(name, values, tables, metrics, seconds, run_id, images, lacking)
