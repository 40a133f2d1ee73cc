"""One training run as MLflow keeps it: settings, inputs, curves, metrics, figures and the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import keras
import mlflow
import pandas as pd
import tensorflow as tf

from src.bank.suffix_training import predict_on_bank, train_on_bank
from src.config.schema import Config
from src.data.dataset import Dataset
from src.data.splits.leakage import leakage
from src.data.splits.manifest import manifest_fingerprint
from src.errors import InputError
from src.model.classifier import parameter_counts
from src.model.fitting import History, predict_end_to_end, train_end_to_end
from src.pipeline.features import (
    Extracted,
    Start,
    extract,
    initial_classifier,
    useful_cut,
    views_of,
)
from src.pipeline.run_artifacts import log_class_maps, log_label_suspects, log_run_figures, save_run
from src.pipeline.splitting import prepared_dataset
from src.statistics.metrics import prediction_table
from src.statistics.run_metrics import evaluate_predictions, label_suspects
from src.tracking import runs
from src.tracking.logged_models import log_model


@dataclass(frozen=True)
class Result:
    """A finished run: its id and its metrics by part."""

    run_id: str
    metrics: dict[str, dict[str, float]]


def train_and_track(
    config: Config, name: str | None = None, tags: Mapping[str, str] | None = None
) -> Result:
    """Train as `config` says within an MLflow run, which fails if the training does.

    Args:
        config: of the run.
        name: of the run; None takes `tracking.run_name`.
        tags: of the run, by name, in addition to those that every run has.
    """
    tracking = config.tracking
    runs.connect(tracking.uri, tracking.experiment)
    with runs.tracked_run(
        name or tracking.run_name,
        config.model_dump(),
        system_metrics=tracking.system_metrics,
        parent=tracking.parent_run,
        tags=tags,
    ) as run_id:
        configure_tensorflow(config.threads.tensorflow)
        dataset = prepared_dataset(config)
        start = initial_classifier(config)
        log_inputs(config, start, dataset)
        history, predictions = fit_and_predict(config, start, dataset)
        metrics = evaluate_predictions(predictions, config.evaluate)
        runs.log_metrics_of_parts(metrics)
        runs.log_predictions(predictions)
        mlflow.log_text(dataset.manifest.to_csv(index=False), "split.csv")
        log_run_figures(config, history, predictions, metrics["calibration"]["temperature"])
        log_class_maps(config, start.classifier, predictions)
        log_label_suspects(config, label_suspects(predictions, config.evaluate))
        log_model(start.classifier, config.data.image_size)
        if config.train.output:
            folder = Path(config.train.output)
            save_run(folder, start.classifier, history, predictions, run_id)
    keras.backend.clear_session()
    return Result(run_id, metrics)


def configure_tensorflow(threads: int | None) -> None:
    """Make TensorFlow deterministic, and use this many threads, which a process can set only once.

    Raises:
        InputError: this process has used TensorFlow with another number of threads.
    """
    # Bit for bit the same on the same machine, at no measurable cost on the CPU.
    tf.config.experimental.enable_op_determinism()
    if not threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError as error:
        raise InputError(
            f"threads.tensorflow={threads}: this process has begun with another number, which "
            "stays; sweep it by separate commands"
        ) from error


def log_inputs(config: Config, start: Start, dataset: Dataset) -> None:
    """Log what is trained on what: parameter counts, fingerprints, the parts and their leakage."""
    counts = parameter_counts(start.classifier)
    mlflow.log_params({f"parameters.{kind}": count for kind, count in counts.items()})
    mlflow.set_tags(
        {
            "dataset.fingerprint": dataset.fingerprint,
            "split.fingerprint": manifest_fingerprint(dataset.manifest),
            "weights.sha256": start.weights_sha256,
            "weights.source": start.weights_source,
        }
    )
    mlflow.log_metrics({f"leak.{name}": share for name, share in leakage(dataset).items()})
    runs.log_dataset(
        dataset.manifest,
        name=config.data.name,
        source=config.data.dir,
        fingerprint=dataset.fingerprint,
    )


class LogEpochs(keras.callbacks.Callback):
    """Log every epoch's losses, accuracies and learning rate, counted from 1."""

    NAMES: ClassVar = {
        "loss": "train.loss",
        "accuracy": "train.accuracy",
        "val_loss": "validation.loss",
        "val_accuracy": "validation.accuracy",
    }

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        values = {self.NAMES[key]: float(v) for key, v in (logs or {}).items() if key in self.NAMES}
        values["learning_rate"] = float(self.model.optimizer.learning_rate)
        mlflow.log_metrics(values, step=epoch + 1)


def fit_and_predict(config: Config, start: Start, dataset: Dataset) -> tuple[History, pd.DataFrame]:
    """Train `start.classifier` in place; its history and predictions on validation and test."""
    cut = useful_cut(config, start.classifier)
    mlflow.set_tag("training.path", "bank" if cut else "end_to_end")
    training, validation = dataset.part("train"), dataset.part("validation")
    recipe, log = config.train, [LogEpochs()]
    held_out = {"validation": validation, "test": dataset.part("test")}
    if cut:
        extracted = extract(config, start, cut, dataset)
        log_features(extracted)
        bank, views = extracted.bank, views_of(config)
        history = train_on_bank(cut, bank, views, training, validation, recipe, log)
        probabilities = {
            name: predict_on_bank(cut, extracted.predicted, part, recipe)
            for name, part in held_out.items()
        }
    else:
        classifier, flips = start.classifier, config.augment.test_flips
        history = train_end_to_end(classifier, training, validation, recipe, log)
        probabilities = {
            name: predict_end_to_end(classifier, part, recipe.batch_size, flips)
            for name, part in held_out.items()
        }
    tables = [
        prediction_table(dataset.images_of(name), predicted)
        for name, predicted in probabilities.items()
    ]
    return history, pd.concat(tables, ignore_index=True)


def log_features(extracted: Extracted) -> None:
    """Log which bank the features are in, and what computed them."""
    mlflow.set_tags(
        {
            "bank.folder": extracted.bank.folder.name,
            "bank.cut": extracted.cut.layer,
            "bank.engine": f"{extracted.engine} {extracted.precision}",
        }
    )
    mlflow.log_metrics(
        {"bank.engine_error": extracted.error, "bank.added_features": extracted.added}
    )
