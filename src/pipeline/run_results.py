"""Evaluating a run's predictions: metrics, decision, tables and figures are logged in the run."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import mlflow
import pandas as pd
import yaml
from mlflow.entities import Run, RunStatus

from src.config.loader import check_values
from src.config.schema import Config
from src.errors import InputError
from src.figures import run_figures
from src.figures.source_figure import source_figure
from src.model.decision import DECISION, Decision, refuse_other_model
from src.model.weights import weights_sha256
from src.pipeline.features import served_engine
from src.pipeline.late_predictions import existing_or_new_predictions, has_predictions
from src.pipeline.photo_calibration import decide_on_photographs
from src.pipeline.run_description import describe
from src.pipeline.unsent_runs import send_kept
from src.statistics.calibration import at_temperature, reliability
from src.statistics.run_metrics import Metrics, evaluate_predictions, label_suspects
from src.statistics.source_metrics import source_table
from src.statistics.thresholds import threshold_of
from src.statistics.verdicts import with_verdicts
from src.sweeps.sweep_jobs import FINGERPRINT
from src.tracking import runs
from src.tracking.logged_files import log_file
from src.tracking.logged_models import load_classifier, model_of
from src.tracking.processes import HOST, is_at_work, process_tags
from src.tracking.provenance import decision_of_run
from src.tracking.run_reading import config_of, run_named
from src.tracking.tested_images import has_tested_images


@dataclass(frozen=True)
class Results:
    """An evaluated run.

    Attributes:
        metrics: metrics by part and name.
        decision: the decision, chosen on the validation images.
        predictions: the prediction table with each image's verdict according to the decision.
    """

    metrics: Metrics
    decision: Decision
    predictions: pd.DataFrame


def evaluated(
    config: Config, predictions: pd.DataFrame, weights: str, served_by: tuple[str, str]
) -> Results:
    """Evaluate predictions, and decide how the model judges patches.

    Args:
        config: the configuration of the run.
        predictions: the prediction table of the validation and test images.
        weights: SHA-256 (hex) of the classifier's tensors.
        served_by: name of the engine that computed the predictions, and the precision of its
            arithmetic.
    """
    metrics = evaluate_predictions(predictions, config.evaluate, config.decision.threshold)
    decision = _chosen(config, metrics, weights, *served_by)
    judged = with_verdicts(predictions, decision.temperature, decision.threshold)
    return Results(metrics, decision, judged)


def log_results(
    config: Config, results: Results, model: str | None, *, pictures: bool = True
) -> None:
    """Log the results of an evaluation in the active run.

    Args:
        config: the configuration of the run.
        results: see `evaluated`.
        model: the URI of the logged model, or None if the run has none.
        pictures: whether the images of the run are on this machine, to be shown in figures.
    """
    metrics, decision, predictions = results.metrics, results.decision, results.predictions
    runs.log_metrics_of_parts(metrics)
    log_file(decision.model_dump_json(indent=2) + "\n", DECISION)
    describe(config, metrics, decision, model)
    runs.log_predictions(predictions)
    log_result_figures(config, predictions, decision.temperature, pictures=pictures)
    log_sources(metrics)
    log_label_suspects(config, label_suspects(predictions, config.evaluate), pictures=pictures)


def evaluate_again(name: str, config: Config, given: Collection[str] = ()) -> Results:
    """Evaluate a tracked run's predictions with the present code, and log the results in the run.

    First, what was kept of the run while its server did not answer is sent. If the run's evaluation
    failed before it had predictions, its model makes them. Figures with images are
    drawn only if the run's test images are on this machine. If the evaluation fails, the run gets
    its former status back.

    Args:
        name: the run's id, or its first characters.
        config: the configuration, of which the section tracking is used.
        given: names of the settings of `config` that replace those of the run, as far as they are
            in the sections evaluate and decision. The precision of the decision stays that of the
            run's predictions.

    Raises:
        InputError: the run does not exist, is at work, or has no model or valid config.yaml. Or it
            has neither predictions nor its images. Or `given` has the precision of predictions.
    """
    runs.connect(config.tracking.uri, config.tracking.experiment)
    run = run_named(name)
    run_id = run.info.run_id
    _refuse_at_work(run)
    predicted = has_predictions(run_id, Path(config.tracking.unsent))
    settings = _settings_of(run_id, config, given, predicted=predicted)
    with _reopened(run):
        send_kept(Path(config.tracking.unsent), run, settings.data.image_size)
        sent = mlflow.get_run(run_id)
        classifier = load_classifier(run_id)
        predictions = existing_or_new_predictions(sent, settings, classifier)
        pictures = has_tested_images(sent, predictions, Path(settings.data.dir))
        if not pictures:
            print(
                f"{settings.data.dir} has not the run's test images, so their pictures stay as "
                "they are"
            )
        weights, model = weights_sha256(classifier), model_of(sent)
        if made := _readable_decision(sent):
            refuse_other_model(made, weights, run_id)
        # The engine that made the predictions, which this machine might not choose.
        served_by = (made.engine, made.precision) if made else served_engine(settings)
        results = evaluated(settings, predictions, weights, served_by)
        # What can fail comes first, so that a failure leaves the run's decision as it was.
        decision = decide_on_photographs(settings, classifier, results.decision)
        results = replace(results, decision=decision)
        log_results(settings, results, model, pictures=pictures)
        _log_settings(sent, settings)
    if "error" in run.data.tags:
        mlflow.MlflowClient().delete_tag(run_id, "error")
    return results


def _log_settings(run: Run, settings: Config) -> None:
    """Log the settings of an evaluation in the active run, which the next one begins with."""
    before, now = config_of(run.info.run_id), runs.settings_shown(settings.model_dump())
    log_file(yaml.safe_dump(now, sort_keys=False, allow_unicode=True), "config.yaml")
    others = [name for name in ("evaluate", "decision") if before.get(name) != now[name]]
    if others and FINGERPRINT in run.data.tags:
        # The same sweep, started again, has other settings, so it trains this job anew.
        mlflow.set_tag(FINGERPRINT, f"evaluated again with another {' and '.join(others)}")


def _settings_of(run_id: str, config: Config, given: Collection[str], *, predicted: bool) -> Config:
    """Return a run's own configuration with some settings of another one; see `evaluate_again`."""
    if predicted and "decision.precision" in given:
        raise InputError(
            "decision.precision: the run's predictions are those of its own precision; train a run "
            "with another one"
        )
    own, new = config_of(run_id), config.model_dump(include={"evaluate", "decision"})
    if "evaluate" not in own:
        raise InputError(f"run {run_id} has trained nothing, so there is nothing to evaluate")
    # Which run it is, is no setting of the run.
    new["evaluate"]["run"] = own["evaluate"]["run"] = None
    # The predictions stay those that the run's own engine has made.
    if predicted or "decision.precision" not in given:
        new["decision"]["precision"] = own["decision"]["precision"]
    named = {".".join(name.split(".")[:2]) for name in given}
    for section, values in new.items():
        own[section] |= {
            key: value
            for key, value in values.items()
            # An experiment has settings of both sections, and older runs lack some.
            if key not in own[section] or {"experiment", section, f"{section}.{key}"} & named
        }
    return check_values(Config, own)


def _refuse_at_work(run: Run) -> None:
    active = mlflow.active_run()
    mine = process_tags().items() <= run.data.tags.items()
    if mine and not (active and active.info.run_id == run.info.run_id):
        # A run of this process that its server did not let it end, in a notebook for example.
        return
    if is_at_work(run):
        raise InputError(f"run {run.info.run_id} is at work: evaluate it when it has ended")
    if run.info.status == RunStatus.to_string(RunStatus.RUNNING):
        host = run.data.tags.get(HOST, "another machine")
        raise InputError(
            f"run {run.info.run_id} is RUNNING on {host}: evaluate it when it has ended. If its "
            f"process has ended, the next command of this project on {host} closes it"
        )


@contextmanager
def _reopened(run: Run) -> Iterator[None]:
    """Make an ended run the active one, and end it anew with its former end.

    If an error is raised, the run gets its former status back.
    """
    run_id, client = run.info.run_id, mlflow.MlflowClient()
    # The run is open from now on, and its own process may have ended long ago.
    for key, value in process_tags().items():
        client.set_tag(run_id, key, value)
    # MLflow opens only runs of the chosen experiment.
    mlflow.set_experiment(experiment_id=run.info.experiment_id)
    try:
        with mlflow.start_run(run_id=run_id):
            yield
    except BaseException:
        client.set_terminated(run_id, run.info.status, run.info.end_time)
        raise
    client.set_terminated(run_id, "FINISHED", run.info.end_time)


def _readable_decision(run: Run) -> Decision | None:
    """Return a run's decision, or None if it has none or a damaged one."""
    try:
        return decision_of_run(run)
    except InputError:
        # The evaluation makes it again.
        return None


def _chosen(
    config: Config, metrics: Metrics, weights: str, engine: str, precision: str
) -> Decision:
    cheapest = metrics["operating"]["threshold"]
    return Decision.model_validate(
        {
            "weights": weights,
            "classes": list(config.data.classes),
            "flips": config.augment.test_flips,
            "temperature": metrics["calibration"]["temperature"],
            "threshold": threshold_of(config.decision.threshold, cheapest),
            # The images were evaluated as they are.
            "scales": [1.0],
            "engine": engine,
            "precision": precision,
            "calibrated": bool(metrics["calibration"]["temperature_determined"]),
        }
    )


def log_result_figures(
    config: Config, predictions: pd.DataFrame, temperature: float, *, pictures: bool
) -> None:
    """Log figures of the predictions of the test images."""
    test = predictions[predictions.part == "test"]
    classes = config.data.classes
    bins = config.evaluate.bins
    reliabilities = {
        "as trained": reliability(test, bins),
        f"at temperature {temperature:.2f}": reliability(at_temperature(test, temperature), bins),
    }
    figures = {
        "confusion_matrix": run_figures.confusion_matrix(test, classes),
        "roc_and_precision_recall": run_figures.roc_and_precision_recall(test),
        "reliability": run_figures.reliability_diagram(reliabilities),
    }
    if pictures:
        folder, count = Path(config.data.dir), config.tracking.prediction_grid
        figures["predictions"] = run_figures.prediction_grid(test, folder, classes, count)
    for name, figure in figures.items():
        runs.log_figure(figure, name)


def log_sources(metrics: Metrics) -> None:
    """Log a table and a figure of the metrics by source, if there are several sources."""
    table = source_table(metrics)
    if len(table):
        mlflow.log_text(table.to_csv(index=False), "sources.csv")
        runs.log_figure(source_figure(table), "sources")


def log_label_suspects(config: Config, suspects: pd.DataFrame, *, pictures: bool) -> None:
    """Log a table of the images with suspect labels and, if there are any, a figure of them."""
    mlflow.log_text(suspects.to_csv(index=False), "label_suspects.csv")
    if len(suspects) and pictures:
        grid = run_figures.prediction_grid(
            suspects, Path(config.data.dir), config.data.classes, config.tracking.prediction_grid
        )
        runs.log_figure(grid, "label_suspects")
