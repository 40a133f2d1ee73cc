"""What a sweep has found, logged in its parent run, so that its page tells the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import yaml
from matplotlib.figure import Figure
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from src.report import sweep_figures
from src.report.evaluation import Evaluation, Metrics, evaluate, label_suspects
from src.report.figures import prediction_grid
from src.report.sweep_table import Candidate, markdown_table, ranked, ranking_table
from src.tracking.reading import DATASET, images_of, predictions_of
from src.tracking.runs import flatten, log_figure, log_metrics_of_parts, metrics_of_parts
from src.tracking.sweep import BEST, FINGERPRINT, VALUE, children_of, named, short_names
from src.tracking.sweep_view import share_view

# Runs that differ in nothing else are taken together: each image is tested in one of them.
FOLD = "split.fold"
# Rows of the table in the parent's description; the artifact has all.
DESCRIBED = 20


@dataclass(frozen=True)
class Outcome:
    """How a sweep ended: what a person reads of it, and the names of what did not finish."""

    summary: str
    unfinished: list[str]


@dataclass(frozen=True)
class Child:
    """A finished job: its run, what it has for each swept setting, predictions and metrics."""

    run: Run
    values: dict[str, float | str]
    predictions: pd.DataFrame
    metrics: Metrics


def report_sweep(parent: str, since: int) -> Outcome:
    """Log the best child's metrics, ranking, figures and a description in the parent run.

    Args:
        parent: its run id.
        since: when the sweep was started this time, in milliseconds as MLflow counts them. What
            failed before and was not tried again is no part of the sweep any more.
    """
    children = children_of(parent)
    done = finished_jobs(children)
    unfinished = [
        f"{run.info.run_name}: {run.info.status}, {run.data.tags.get('error', 'no error told')}"
        for run in _latest(children)
        if run.info.status != "FINISHED" and run.info.start_time >= since
    ]
    told = [f"{len(done)} of {len(done) + len(unfinished)} jobs finished."]
    if done:
        ranking = ranked(candidates(done))
        table = ranking_table(ranking)
        with mlflow.start_run(run_id=parent):
            log_metrics_of_parts(ranking[0].metrics)
            mlflow.set_tag(BEST, ranking[0].name)
            mlflow.log_text(table.to_csv(index=False), "ranking.csv")
            for name, figure in figures_of(done).items():
                log_figure(figure, name)
            if FOLD in done[0].values:
                _log_folds(ranking[0])
        view = share_view(parent, sorted(done[0].values))
        # In the first paragraph, as the page folds away all that comes later.
        link = f"[All runs with their settings and results]({view})"
        told[0] += f" Best by validation loss: {ranking[0].name}. {link}"
        told += ["", markdown_table(table.head(DESCRIBED))]
    told += ["", *(f"- {line}" for line in unfinished)] if unfinished else []
    summary = "\n".join(told)
    mlflow.MlflowClient().set_tag(parent, MLFLOW_RUN_NOTE, summary)
    return Outcome(summary, unfinished)


def finished_jobs(children: Sequence[Run]) -> list[Child]:
    """Those of a sweep's children that have finished, one a configuration.

    Args:
        children: the earliest first, see `src.tracking.sweep.children_of`.
    """
    return [_read(run) for run in _latest(children) if run.info.status == "FINISHED"]


def _latest(children: Sequence[Run]) -> list[Run]:
    """Of the children of each configuration, earliest first, the finished one, else the latest."""
    kept: dict[str, Run] = {}
    for run in children:
        before = kept.get(run.data.tags[FINGERPRINT])
        if before is None or before.info.status != "FINISHED":
            kept[run.data.tags[FINGERPRINT]] = run
    return list(kept.values())


def _read(run: Run) -> Child:
    values = {
        key.removeprefix(VALUE): _number(value)
        for key, value in run.data.tags.items()
        if key.startswith(VALUE)
    }
    return Child(run, values, predictions_of(run), metrics_of_parts(run.data.metrics))


def _number(value: str) -> float | str:
    # By float alone, long seeds that differ would be the same.
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def candidates(children: Sequence[Child]) -> list[Candidate]:
    """One a setting, its folds taken together."""
    settings: dict[tuple[tuple[str, float | str], ...], list[Child]] = {}
    for child in children:
        values = tuple(sorted((key, v) for key, v in child.values.items() if key != FOLD))
        settings.setdefault(values, []).append(child)
    return [_candidate(dict(values), folds) for values, folds in settings.items()]


def _candidate(values: dict[str, float | str], folds: Sequence[Child]) -> Candidate:
    first = folds[0]
    run_id, name = first.run.info.run_id, first.run.info.run_name
    predictions, metrics = first.predictions, first.metrics
    if FOLD in first.values:
        name = f"{named(values)} {len(folds)} folds".strip()
        predictions = pd.concat([fold.predictions for fold in folds], ignore_index=True)
        metrics = evaluate(predictions, Evaluation(**_config(run_id)["evaluate"]))
    seconds = sum(fold.run.info.end_time - fold.run.info.start_time for fold in folds) / 1000
    images = frozenset(images_of(fold.run for fold in folds))
    return Candidate(name, values, predictions, metrics, seconds, run_id, images)


def _log_folds(best: Candidate) -> None:
    """Log all folds' predictions as one table, and the images that may be labelled wrongly."""
    config = _config(best.run_id)
    if best.images:
        # As the runs have it, so that the parent is compared with no parent of other images.
        mlflow.set_tag(DATASET, " ".join(sorted(best.images)))
    mlflow.log_text(best.predictions.to_csv(index=False), "predictions.csv")
    suspects = label_suspects(best.predictions, Evaluation(**config["evaluate"]))
    tested = suspects[suspects.part == "test"]
    mlflow.log_text(tested.to_csv(index=False), "label_suspects.csv")
    if len(tested):
        data, count = config["data"], config["tracking"]["prediction_grid"]
        grid = prediction_grid(tested, Path(data["dir"]), data["classes"], count)
        log_figure(grid, "label_suspects")


def _config(run_id: str) -> dict[str, Any]:
    """What the run was composed of."""
    text = mlflow.artifacts.load_text(f"runs:/{run_id}/config.yaml")
    config: dict[str, Any] = yaml.safe_load(text)
    return config


def figures_of(children: Sequence[Child]) -> dict[str, Figure]:
    """By name: metrics against each swept setting, a heat map of each two, all curves."""
    runs = pd.DataFrame({**child.values, **flatten(child.metrics)} for child in children)
    keys = sorted(children[0].values)
    names = short_names(keys)
    figures = {f"against_{names[key]}": sweep_figures.against(runs, key, key) for key in keys}
    for pair in combinations(keys, 2):
        name = "_and_".join(names[key] for key in pair)
        figures[f"heat_map_{name}"] = sweep_figures.heat_map(runs, pair, pair)
    best_first = sorted(children, key=lambda child: child.metrics["validation"]["loss"])
    curves = [(child.run.info.run_name, _curve(child.run)) for child in best_first]
    figures["validation_curves"] = sweep_figures.validation_curves(curves)
    return figures


def _curve(run: Run) -> list[float]:
    points = mlflow.MlflowClient().get_metric_history(run.info.run_id, "validation.loss")
    return [point.value for point in sorted(points, key=lambda point: point.step)]
