"""What a sweep has found, logged in its parent run, so that its page tells the result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import combinations

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from src.report import sweep_figures
from src.report.metrics import summarise_parts
from src.report.sweep_table import Candidate, markdown_table, ranked, ranking_table
from src.tracking.runs import log_metrics_of_parts
from src.tracking.sweep import FINGERPRINT, VALUE, children_of, named, short
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
    """A finished job: its run, what it has for each swept setting, and its predictions."""

    run: Run
    values: dict[str, float | str]
    predictions: pd.DataFrame


def report_sweep(parent: str) -> Outcome:
    """Log the best child's metrics, ranking, figures and a description in the parent run."""
    latest = _latest(children_of(parent))
    done = [_read(run) for run in latest if run.info.status == "FINISHED"]
    failed = [run for run in latest if run.info.status != "FINISHED"]
    unfinished = [
        f"{run.info.run_name}: {run.info.status}, {run.data.tags.get('error', 'no error told')}"
        for run in failed
    ]
    told = [f"{len(done)} of {len(latest)} jobs finished.", *(f"- {line}" for line in unfinished)]
    if done:
        ranking = ranked(_candidates(done))
        table = ranking_table(ranking)
        told += ["", f"Best by validation loss: {ranking[0].name}", ""]
        told += [markdown_table(table.head(DESCRIBED))]
        view = share_view(parent, sorted(done[0].values))
        with mlflow.start_run(run_id=parent):
            log_metrics_of_parts(ranking[0].metrics)
            mlflow.set_tag("sweep.best", ranking[0].name)
            mlflow.log_text(table.to_csv(index=False), "ranking.csv")
            for name, figure in _figures(done).items():
                mlflow.log_figure(figure, f"figures/{name}.png")
        told += ["", f"[All runs with their settings and results]({view})"]
    summary = "\n".join(told)
    mlflow.MlflowClient().set_tag(parent, MLFLOW_RUN_NOTE, summary)
    return Outcome(summary, unfinished)


def _latest(children: Sequence[Run]) -> list[Run]:
    """Of the children of each configuration the finished one, else the latest."""
    kept: dict[str, Run] = {}
    for run in children:
        before = kept.get(run.data.tags[FINGERPRINT])
        if before is None or before.info.status != "FINISHED":
            kept[run.data.tags[FINGERPRINT]] = run
    return list(kept.values())


def _read(run: Run) -> Child:
    text = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/predictions.csv")
    values = {
        key.removeprefix(VALUE): _number(value)
        for key, value in run.data.tags.items()
        if key.startswith(VALUE)
    }
    return Child(run, values, pd.read_csv(StringIO(text)))


def _number(value: str) -> float | str:
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if number.is_integer() else number


def _candidates(children: Sequence[Child]) -> list[Candidate]:
    """One a setting, its folds taken together."""
    settings: dict[tuple[tuple[str, float | str], ...], list[Child]] = {}
    for child in children:
        values = tuple(sorted((key, v) for key, v in child.values.items() if key != FOLD))
        settings.setdefault(values, []).append(child)
    candidates = []
    for values, folds in settings.items():
        name = folds[0].run.info.run_name
        if FOLD in folds[0].values:
            name = f"{named(dict(values))} {len(folds)} folds".strip()
        candidates.append(
            Candidate(
                name=name,
                values=dict(values),
                predictions=pd.concat([fold.predictions for fold in folds], ignore_index=True),
                seconds=sum(f.run.info.end_time - f.run.info.start_time for f in folds) / 1000,
            )
        )
    return candidates


def _figures(children: Sequence[Child]) -> dict[str, Figure]:
    rows = [{**child.values, **_metrics(child.predictions)} for child in children]
    runs = pd.DataFrame(rows)
    keys = sorted(children[0].values)
    figures = {f"against_{short(key)}": sweep_figures.against(runs, key, key) for key in keys}
    for pair in combinations(keys, 2):
        name = "_and_".join(short(key) for key in pair)
        figures[f"heat_map_{name}"] = sweep_figures.heat_map(runs, pair, pair)
    best_first = sorted(children, key=lambda child: child.run.data.metrics["best.validation.loss"])
    curves = {child.run.info.run_name: _curve(child.run) for child in best_first}
    figures["validation_curves"] = sweep_figures.validation_curves(curves)
    return figures


def _metrics(predictions: pd.DataFrame) -> Mapping[str, float]:
    return {
        f"{part}_{name}": value
        for part, metrics in summarise_parts(predictions).items()
        for name, value in metrics.items()
    }


def _curve(run: Run) -> list[float]:
    points = mlflow.MlflowClient().get_metric_history(run.info.run_id, "validation.loss")
    return [point.value for point in sorted(points, key=lambda point: point.step)]
