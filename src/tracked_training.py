"""One training run as MLflow keeps it: settings, inputs, curves, metrics, figures and the model."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import keras
import mlflow
import numpy as np
import pandas as pd
import tensorflow as tf

from src.config import Config
from src.data.batches import load_images
from src.data.files import write_text
from src.data.receipt import Receipt
from src.data.split import manifest_fingerprint
from src.errors import InputError
from src.features import (
    Extracted,
    Start,
    extract,
    initial_classifier,
    parts_of,
    useful_cut,
    views_of,
)
from src.model.class_map import class_maps_of_patches
from src.model.classifier import parameter_counts
from src.model.training import (
    History,
    Part,
    Recipe,
    predict_end_to_end,
    predict_on_bank,
    train_end_to_end,
    train_on_bank,
)
from src.report import figures
from src.report.calibration import at_temperature, reliability
from src.report.class_maps import class_map_grid
from src.report.evaluation import Evaluation, evaluate, label_suspects
from src.report.metrics import prediction_table
from src.stages import (
    Audit,
    audited_images,
    fetched_images,
    measure_leaks,
    split_manifest,
    with_groups,
)
from src.tracking import runs
from src.tracking.models import log_model
from src.tracking.sweep import Job


@dataclass(frozen=True)
class Result:
    """A finished run: its id and its metrics by part."""

    run_id: str
    metrics: dict[str, dict[str, float]]


def train_and_track(config: Config, job: Job | None = None) -> Result:
    """Train as `config` says within an MLflow run, which fails if the training does.

    In a sweep `job` has the run's name and tags.
    """
    runs.connect(config.tracking.uri, config.tracking.experiment)
    tracking = config.tracking
    with runs.tracked_run(
        job.name if job else tracking.run_name,
        config.model_dump(),
        system_metrics=tracking.system_metrics,
        parent=tracking.parent_run,
        tags=job.tags if job else {},
    ) as run_id:
        configure_tensorflow(config.threads.tensorflow)
        listing, receipt = fetched_images(config)
        audit = audited_images(config, listing, receipt)
        manifest = split_manifest(config, listing, audit.groups)
        start = initial_classifier(config)
        log_inputs(config, start, listing, receipt, manifest, audit)
        # Images that show the same spot are predicted alike, on whichever side of the split.
        related = with_groups(manifest, listing, audit.related)
        history, predictions = fit_and_predict(config, start, listing, receipt, related)
        settings = Evaluation(**config.evaluate.model_dump())
        metrics = evaluate(predictions, settings)
        runs.log_metrics_of_parts(metrics)
        runs.log_predictions(predictions)
        mlflow.log_text(manifest.to_csv(index=False), "split.csv")
        log_figures(config, history, predictions, metrics["calibration"]["temperature"])
        log_class_maps(config, start.classifier, predictions)
        log_label_suspects(config, label_suspects(predictions, settings))
        log_model(start.classifier, config.data.image_size)
        if config.train.output:
            keep(Path(config.train.output), start.classifier, history, predictions, run_id)
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


def log_inputs(
    config: Config,
    start: Start,
    listing: pd.DataFrame,
    receipt: Receipt,
    manifest: pd.DataFrame,
    audit: Audit,
) -> None:
    """Log what is trained on what: parameter counts, fingerprints, the parts and their leak."""
    counts = parameter_counts(start.classifier)
    mlflow.log_params({f"parameters.{kind}": count for kind, count in counts.items()})
    mlflow.set_tags(
        {
            "dataset.fingerprint": receipt.fingerprint,
            "split.fingerprint": manifest_fingerprint(manifest),
            "weights.sha256": start.weights_sha256,
            "weights.source": start.weights_source,
        }
    )
    leaks = measure_leaks(config, manifest, listing, audit)
    mlflow.log_metrics({f"leak.{name}": share for name, share in leaks.items()})
    runs.log_dataset(
        manifest,
        name=config.data.name,
        source=config.data.dir,
        fingerprint=receipt.fingerprint,
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


Predict = Callable[[Part], np.ndarray]


def fit_and_predict(
    config: Config,
    start: Start,
    listing: pd.DataFrame,
    receipt: Receipt,
    manifest: pd.DataFrame,
) -> tuple[History, pd.DataFrame]:
    """Train `start.classifier` in place; its history and predictions on validation and test."""
    settings = config.train
    recipe = Recipe(
        epochs=settings.epochs,
        patience=settings.patience,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        schedule=settings.schedule,
        seed=settings.seed,
    )
    parts = parts_of(config, manifest, listing)
    cut = useful_cut(config, start.classifier)
    mlflow.set_tag("training.path", "bank" if cut else "end_to_end")
    if cut:
        extracted = extract(config, start, cut, listing, receipt, manifest)
        history, predict = fit_on_bank(extracted, views_of(config), parts, recipe)
    else:
        flips = config.augment.test_flips
        history, predict = fit_end_to_end(start.classifier, parts, recipe, flips)
    tables = [
        prediction_table(manifest[manifest.part == name], predict(parts[name]))
        for name in ("validation", "test")
    ]
    return history, pd.concat(tables, ignore_index=True)


def fit_on_bank(
    extracted: Extracted, views: int, parts: Mapping[str, Part], recipe: Recipe
) -> tuple[History, Predict]:
    """Train behind the cut, and log what the features are."""
    cut, bank = extracted.cut, extracted.bank
    mlflow.set_tags(
        {
            "bank.folder": bank.folder.name,
            "bank.cut": cut.layer,
            "bank.engine": f"{extracted.engine} {extracted.precision}",
        }
    )
    mlflow.log_metrics(
        {"bank.engine_error": extracted.error, "bank.added_features": extracted.added}
    )
    log = [LogEpochs()]
    history = train_on_bank(cut, bank, views, parts["train"], parts["validation"], recipe, log)
    return history, lambda part: predict_on_bank(cut, extracted.predicted, part, recipe)


def fit_end_to_end(
    classifier: keras.Model, parts: Mapping[str, Part], recipe: Recipe, flips: bool
) -> tuple[History, Predict]:
    """Train the whole network on augmented images, and predict on all their flips if asked."""
    log = [LogEpochs()]
    history = train_end_to_end(classifier, parts["train"], parts["validation"], recipe, log)
    return history, lambda part: predict_end_to_end(classifier, part, recipe.batch_size, flips)


def log_figures(
    config: Config, history: History, predictions: pd.DataFrame, temperature: float
) -> None:
    """Log the run's curves, and what it makes of the test part, as figures."""
    test, classes = predictions[predictions.part == "test"], config.data.classes
    bins = config.evaluate.bins
    reliabilities = {
        "as trained": reliability(test, bins),
        f"at temperature {temperature:.2f}": reliability(at_temperature(test, temperature), bins),
    }
    grid = figures.prediction_grid(
        test, Path(config.data.dir), classes, config.tracking.prediction_grid
    )
    for name, figure in {
        "learning_curves": figures.learning_curves(history),
        "confusion_matrix": figures.confusion_matrix(test, classes),
        "roc_and_precision_recall": figures.roc_and_precision_recall(test),
        "reliability": figures.reliability_diagram(reliabilities),
        "predictions": grid,
    }.items():
        runs.log_figure(figure, name)


def log_class_maps(config: Config, classifier: keras.Model, predictions: pd.DataFrame) -> None:
    """Log what the classifier goes by on cracked patches of the test part."""
    cracked = predictions[(predictions.part == "test") & (predictions.label == 1)]
    shown = cracked.head(config.tracking.prediction_grid)
    patches = load_images([Path(config.data.dir, path) for path in shown.path])
    maps = class_maps_of_patches(classifier, patches)
    titles = [f"probability {probability:.3f}" for probability in shown.probability]
    runs.log_figure(class_map_grid(patches, maps, titles), "class_maps")


def log_label_suspects(config: Config, suspects: pd.DataFrame) -> None:
    """Log the images that may be labelled wrongly as a table and, if there are any, as a figure."""
    mlflow.log_text(suspects.to_csv(index=False), "label_suspects.csv")
    if len(suspects):
        grid = figures.prediction_grid(
            suspects, Path(config.data.dir), config.data.classes, config.tracking.prediction_grid
        )
        runs.log_figure(grid, "label_suspects")


def keep(
    folder: Path,
    classifier: keras.Model,
    history: History,
    predictions: pd.DataFrame,
    run_id: str,
) -> None:
    """Write model, history, predictions and run id where the pipeline's next stages read them."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".model.keras"
    classifier.save(temporary)
    temporary.replace(folder / "model.keras")
    epochs = pd.DataFrame(history).rename_axis("epoch").reset_index()
    write_text(folder / "history.csv", epochs.assign(epoch=epochs.epoch + 1).to_csv(index=False))
    write_text(folder / "predictions.csv", predictions.to_csv(index=False))
    write_text(folder / "run.json", json.dumps({"run_id": run_id}) + "\n")
