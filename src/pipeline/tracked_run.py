"""A training run in MLflow: its settings, inputs, curves, metrics, figures and model."""

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import mlflow
from mlflow.exceptions import MlflowException

from src.config.schema import Config
from src.data.dataset import Dataset
from src.data.files import require_writable
from src.data.splits.leakage import leakage
from src.data.splits.manifest import PARTS, manifest_fingerprint
from src.errors import InputError
from src.model.classifier import parameter_counts
from src.model.tensorflow_settings import configure_tensorflow
from src.model.weights import weights_sha256
from src.pipeline.auditing import audited_dataset
from src.pipeline.engine_effect import check_effect
from src.pipeline.features import served_engine
from src.pipeline.fetching import fetched_dataset
from src.pipeline.fitted_classifier import (
    Fitted,
    fit_classifier,
    planned_cut,
    predict_for_evaluation,
)
from src.pipeline.initial_classifier import Start, initial_classifier
from src.pipeline.photo_calibration import decide_on_photographs
from src.pipeline.run_artifacts import log_class_maps, log_learning_curves, save_model, save_results
from src.pipeline.run_description import run_name
from src.pipeline.run_results import evaluated, log_results
from src.pipeline.splitting import split_dataset
from src.pipeline.unsent_runs import evaluate_command, kept_without_a_server
from src.tracking import runs
from src.tracking.logged_files import log_file
from src.tracking.logged_models import log_model
from src.tracking.run_reading import DATASET, TESTED
from src.tracking.server_access import server_answers


@dataclass(frozen=True)
class Result:
    """A finished run: its id and its metrics by part."""

    run_id: str
    metrics: dict[str, dict[str, float]]


def train_and_track(
    config: Config,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Result:
    """Train and evaluate a classifier within an MLflow run.

    If the training fails, the run gets the status FAILED.

    Args:
        config: the configuration of the run.
        name: name of the run. None means `tracking.run_name`, or the main settings if that is None.
        tags: tags of the run by name, in addition to those that every run has.
        log: a file with what libraries say, which is logged at the end of the run.

    Raises:
        InputError: the configuration or the images do not allow the training. It is also raised if
            the model was trained and logged, but its evaluation failed.
    """
    tracking = config.tracking
    runs.connect(tracking.uri, tracking.experiment)
    with runs.tracked_run(
        name or tracking.run_name or run_name(config),
        config.model_dump(),
        system_metrics=tracking.system_metrics,
        parent=tracking.parent_run,
        tags=tags,
        log=log,
    ) as run_id:
        if output := Path(config.train.output) if config.train.output else None:
            require_writable(output)
        configure_tensorflow(config.threads.tensorflow)
        workspace = Path(config.workspace)
        # A wrong number of frozen layers is reported before anything is downloaded.
        start = initial_classifier(config)
        dataset = fetched_dataset(config.data, workspace)
        plan = planned_cut(config, start, dataset)
        dataset = split_dataset(audited_dataset(dataset, config.audit, workspace), config.split)
        log_inputs(config, start, dataset)
        fitted = fit_classifier(config, start, plan, dataset)
        with kept_without_a_server(config, fitted, dataset, run_id):
            # The model is logged before the evaluation, so that it is not lost if that fails.
            model = log_model(fitted.classifier, dataset.image_size, run_name(config))
            with _told_that_the_model_is_kept(config, run_id):
                if output:
                    save_model(output, fitted.classifier, fitted.history, run_id)
                metrics = evaluate_fitted(config, fitted, dataset, model)
    keras.backend.clear_session()
    return Result(run_id, metrics)


def log_inputs(config: Config, start: Start, dataset: Dataset) -> None:
    """Log the inputs of a run: parameter counts, fingerprints, the split and its leakage."""
    counts = parameter_counts(start.classifier)
    parts = {part: dataset.fingerprint_of(part) for part in PARTS}
    mlflow.set_tags(
        {
            **{f"parameters.{kind}": count for kind, count in counts.items()},
            **{f"leak.{name}": f"{share:.6g}" for name, share in leakage(dataset).items()},
            DATASET: dataset.fingerprint,
            TESTED: parts["test"],
            "split.fingerprint": manifest_fingerprint(dataset.manifest),
            "weights.sha256": start.weights_sha256,
            "weights.source": start.weights_source,
        }
    )
    log_file(dataset.manifest.to_csv(index=False), "split.csv")
    runs.log_dataset(
        dataset.manifest,
        name=config.data.name,
        source=config.data.dir,
        fingerprints=parts,
    )


def evaluate_fitted(
    config: Config, fitted: Fitted, dataset: Dataset, model: str
) -> dict[str, dict[str, float]]:
    """Predict validation and test images as the served model does; log and return the metrics.

    Args:
        config: the configuration of the run.
        fitted: the trained classifier.
        dataset: the dataset with its split.
        model: the URI of the logged model.

    Raises:
        InputError: the engine changes more verdicts than the configuration allows.
    """
    check_effect(config, fitted, dataset)
    predictions = predict_for_evaluation(config, fitted, dataset)
    runs.log_predictions(predictions)
    weights = weights_sha256(fitted.classifier)
    results = evaluated(config, predictions, weights, served_engine(config))
    log_results(config, results, model)
    decision = decide_on_photographs(config, fitted.classifier, results.decision)
    log_learning_curves(fitted.history)
    log_class_maps(config, fitted.classifier, results.predictions)
    if config.train.output:
        save_results(Path(config.train.output), results.predictions, decision)
    return results.metrics


@contextmanager
def _told_that_the_model_is_kept(config: Config, run_id: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, MlflowException) and not server_answers():
            raise
        mlflow.log_text(traceback.format_exc(), "evaluation_error.txt")
        raise InputError(
            f"run {run_id} has trained and kept its model, but evaluating it failed: {error}. "
            f"evaluation_error.txt of the run has the details, and "
            f"`{evaluate_command(config, run_id)}` evaluates it again"
        ) from error
