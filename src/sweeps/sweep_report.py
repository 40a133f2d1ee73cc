"""The report of a sweep, logged in its parent run so that the run's page shows the result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE
from pandas.api.types import is_numeric_dtype

from src.config.console import console_width
from src.figures import sweep_figures
from src.figures.run_figures import prediction_grid
from src.figures.source_figure import source_figure
from src.statistics.result_tables import source_lines, source_markdown
from src.statistics.run_metrics import label_suspects
from src.statistics.source_metrics import source_table
from src.sweeps.ranking import (
    Candidate,
    markdown_table,
    ranked,
    ranking_table,
    text_table,
    validated_alike,
)
from src.sweeps.setting_names import named, short_names
from src.sweeps.sweep_children import (
    FOLD,
    Child,
    candidates,
    finished_jobs,
    latest_children,
)
from src.sweeps.sweep_jobs import START, VALUE, as_numbers, values_of
from src.sweeps.sweep_parent import BEST
from src.tracking.logged_files import log_file
from src.tracking.run_reading import DATASET, TESTED, config_of, evaluate_settings
from src.tracking.runs import flatten, log_figure, log_metrics_of_parts
from src.tracking.shared_views import share_sweep

# Number of rows of the table in the parent run's description; the artifact holds all rows.
DESCRIBED = 20
# What is said of a ranking by losses of different images.
OTHERS = "Not all rows have the same validation images, so their order says little."
# The setting that names the source to test on.
HELD_OUT = "split.source"


@dataclass(frozen=True)
class SweepOutcome:
    """How a sweep ended.

    Attributes:
        summary: text for the terminal.
        unfinished: a line for each job that did not finish, with its name and the reason.
        best: ids of the best two runs, if they are single runs on the same test images, else none.
    """

    summary: str
    unfinished: list[str]
    best: list[str]


def report_sweep(parent: str, jobs: Sequence[Mapping[str, str]] = ()) -> SweepOutcome:
    """Log the best child's metrics, the ranking, figures and a description in the parent run.

    Args:
        parent: run id of the parent run.
        jobs: for each job of the sweep's latest start, its values of the swept settings. The
            sequence is empty if they were not known in advance. A job without a run counts as
            unfinished, like a job that failed.
    """
    latest = latest_children(parent)
    start = mlflow.get_run(parent).data.tags[START]
    tried = [run for run in latest if run.data.tags.get(START) == start]
    with_run = [values_of(run) for run in tried]
    lost = [values for values in jobs if as_numbers(values) not in with_run]
    stale = [as_numbers(values) for values in lost]
    done = finished_jobs(run for run in latest if values_of(run) not in stale)
    unfinished = _unfinished(tried, lost)
    best: list[str] = []
    shown = told = [f"{len(done)} of {len(done) + len(unfinished)} jobs finished."]
    if done:
        ranking = ranked(candidates(done))
        margin = evaluate_settings(ranking[0].run_id).margin
        table = ranking_table(ranking, margin)
        view = share_sweep(parent, _columns([child.run for child in done]))
        # The link is in the first paragraph, because MLflow's page hides all later paragraphs.
        link = f"[All runs with their settings and results]({view})"
        first = f"{told[0]} Best by validation loss: {ranking[0].name}."
        if not validated_alike(ranking):
            first += f" {OTHERS}"
        more = len(table) - DESCRIBED
        rest = ["", f"{more} more are in ranking.csv."] if more > 0 else []
        told = [f"{first} {link}", "", markdown_table(table.head(DESCRIBED)), *rest]
        shown = [first, text_table(table.head(DESCRIBED), console_width()), *rest]
        # A second one on other test images is not compared, and src.compare would refuse it.
        if len(ranking[0].folds) == 1 and table.p_value[1:2].notna().any():
            best = [one.run_id for one in ranking[:2]]
        if len(held_out := held_out_sources(done)):
            told += ["", "Each source, held out:", "", source_markdown(held_out)]
            shown += ["", *source_lines(held_out)]
    failed = ["", *(f"- {line}" for line in unfinished)] if unfinished else []
    mlflow.MlflowClient().set_tag(parent, MLFLOW_RUN_NOTE, "\n".join([*told, *failed]))
    if done:
        _log_result(parent, done, ranking, table)
    elif BEST in mlflow.get_run(parent).data.tags:
        mlflow.MlflowClient().delete_tag(parent, BEST)
    return SweepOutcome("\n".join([*shown, *failed]), unfinished, best)


def _log_result(
    parent: str, done: Sequence[Child], ranking: Sequence[Candidate], table: pd.DataFrame
) -> None:
    # MLflow opens only runs of the chosen experiment, which may have been renamed meanwhile.
    mlflow.set_experiment(experiment_id=mlflow.get_run(parent).info.experiment_id)
    with mlflow.start_run(run_id=parent):
        log_metrics_of_parts(ranking[0].metrics)
        mlflow.set_tag(BEST, ranking[0].name)
        mlflow.log_text(table.to_csv(index=False), "ranking.csv")
        for name, figure in figures_of(done).items():
            log_figure(figure, name)
        if FOLD in done[0].values:
            _log_folds(ranking[0])
            tests = {child.run.data.tags.get(TESTED, "") for child in done}
            mlflow.set_tag(TESTED, " ".join(sorted(tests)))
        if len(held_out := held_out_sources(done)):
            mlflow.log_text(held_out.to_csv(index=False), "sources.csv")
            log_figure(source_figure(held_out), "sources")


def held_out_sources(children: Sequence[Child]) -> pd.DataFrame:
    """Return the metrics of each source that a run has held out; see `source_table`.

    The table is empty if the sweep varies anything else than `split.source`.
    """
    if any(set(child.values) != {HELD_OUT} for child in children):
        return source_table({})
    return source_table({name: m for child in children for name, m in child.metrics.items()})


def _unfinished(tried: Sequence[Run], lost: Sequence[Mapping[str, str]]) -> list[str]:
    """Describe the jobs that did not finish, each with the reason.

    Args:
        tried: the runs of the sweep's latest start.
        lost: the swept values of the jobs that left no run.
    """
    failed = [
        f"{run.info.run_name}: {run.info.status}, {run.data.tags.get('error', 'no error recorded')}"
        for run in tried
        if run.info.status != "FINISHED"
    ]
    told = "ended before its run began; see the sweep's output for the reason"
    return failed + [f"{named(values)}: {told}" for values in lost]


def _columns(runs: Sequence[Run]) -> list[str]:
    """Return the swept settings' columns as MLflow's UI names them.

    A swept configuration group, such as `split`, is not a parameter but a tag. So is a setting that
    has no value in some of the runs.
    """
    return [
        f"params.`{key}`" if all(key in run.data.params for run in runs) else f"tags.`{VALUE}{key}`"
        for key in sorted(values_of(runs[0]))
    ]


def _log_folds(best: Candidate) -> None:
    """Log the predictions of all folds as one table, and the images with suspect labels."""
    config = config_of(best.run_id)
    if best.images:
        # With this tag, a comparison refuses parent runs that were trained on different images.
        mlflow.set_tag(DATASET, " ".join(sorted(best.images)))
    log_file(best.predictions.to_csv(index=False), "predictions.csv")
    settings = evaluate_settings(best.run_id)
    # Each fold by its own temperature, as its validation images are tested in another.
    suspects = pd.concat([label_suspects(fold, settings) for fold in best.folds])
    tested = suspects[suspects.part == "test"].sort_values("loss", ascending=False)
    mlflow.log_text(tested.to_csv(index=False), "label_suspects.csv")
    data, count = config["data"], config["tracking"]["prediction_grid"]
    images = Path(data["dir"])
    # The jobs may have run on another machine, and the images may only be there.
    if len(tested) and all((images / path).is_file() for path in tested.path):
        grid = prediction_grid(tested, images, data["classes"], count)
        log_figure(grid, "label_suspects")


def figures_of(children: Sequence[Child]) -> dict[str, Figure]:
    """Draw the figures of a sweep.

    Returns:
        The figures by name. They show metrics against each swept setting, a heat map for each pair
        of settings, and the validation curves of all runs.
    """
    runs = pd.DataFrame({**child.values, **flatten(child.metrics)} for child in children)
    keys = sorted(children[0].values)
    for key in keys:
        if not is_numeric_dtype(runs[key]):
            # Mixed values, such as 1000 and null, cannot be sorted unless all of them are text.
            runs[key] = runs[key].astype(str)
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
    points = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss/validation")
    return [point.value for point in sorted(points, key=lambda point: point.step)]
