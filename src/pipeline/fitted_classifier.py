"""Fitting the classifier of a configuration, and predicting validation and test images with it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress

import keras
import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException

from src.bank.file_prediction import predict_as_served
from src.bank.suffix_training import predict_on_bank, train_on_bank
from src.config.schema import Config
from src.data.dataset import Dataset, Part
from src.data.image_files import refuse_changed_images
from src.model.classifier import backbone_of
from src.model.cut import Cut
from src.model.fitting import History, predict_end_to_end, train_end_to_end
from src.model.unfolded import told_unfolded
from src.pipeline.features import (
    Extracted,
    PrefixEngine,
    check_early,
    extract,
    served_engine,
    useful_cut,
    views_of,
)
from src.pipeline.initial_classifier import Start
from src.statistics.metrics import prediction_table
from src.tracking.server_access import server_answers


@dataclass(frozen=True)
class Plan:
    """The cut of a classifier, and the engine that computes the features before the cut."""

    cut: Cut
    engine: PrefixEngine


@dataclass(frozen=True)
class Fitted:
    """A trained classifier.

    Attributes:
        classifier: the model.
        history: see `src.model.fitting.fit`.
        extracted: the features that it was trained on, or None if it was trained end to end.
    """

    classifier: keras.Model
    history: History
    extracted: Extracted | None


def planned_cut(config: Config, start: Start, dataset: Dataset) -> Plan | None:
    """Plan the cut of a classifier, and check the engine.

    Returns:
        The cut with its engine, or None if the classifier is trained end to end.

    Raises:
        InputError: the engine is not precise enough.
    """
    cut = useful_cut(config, start.classifier)
    mlflow.set_tag("training.path", "bank" if cut else "end_to_end")
    trained = cut.suffix.tail if cut else backbone_of(start.classifier)
    if trained and (told := told_unfolded(trained)):
        print(told)
        mlflow.set_tag("training.unfolded", told)
    if cut is None:
        return None
    engine = PrefixEngine(config, cut.prefix, dataset.images)
    check_early(config, start, cut, dataset, engine)
    return Plan(cut, engine)


# The names of Keras' metrics in MLflow. MLflow draws the metrics of each folder together and sorts
# folders by name, so the loss comes first. Its page that compares runs opens on the metric that was
# logged first.
METRICS = {
    "val_loss": "loss/validation",
    "loss": "loss/train",
    "accuracy": "progress/accuracy.train",
    "val_accuracy": "progress/accuracy.validation",
    "learning_rate": "progress/learning_rate",
}


def log_epoch(values: Mapping[str, float], epoch: int) -> None:
    """Log the metrics of an epoch in the active run.

    Args:
        values: the metrics by the name that Keras gives them. Others than `METRICS` are left out.
        epoch: number of the epoch, from 1.
    """
    known = {name: float(values[key]) for key, name in METRICS.items() if key in values}
    mlflow.log_metrics(known, step=epoch)


class LogEpochs(keras.callbacks.Callback):
    """Callback that logs the losses, accuracies and learning rate of each epoch.

    If the tracking server stops answering, the training goes on without it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lost = False

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if self.lost:
            return
        rate = {"learning_rate": float(self.model.optimizer.learning_rate)}
        try:
            log_epoch({**(logs or {}), **rate}, epoch + 1)
        except MlflowException:
            if server_answers():
                raise
            self.lost = True
            print(
                f"{mlflow.get_tracking_uri()} does not answer; the training goes on",
                file=sys.stderr,
            )


def fit_classifier(config: Config, start: Start, plan: Plan | None, dataset: Dataset) -> Fitted:
    """Train `start.classifier` in place, on stored features or end to end.

    Args:
        config: the configuration.
        start: the classifier before training.
        plan: the cut and its engine, or None to train end to end.
        dataset: the dataset with its split.
    """
    training, validation = dataset.part("train"), dataset.part("validation")
    recipe, log, cameras = config.train, [LogEpochs()], config.augment.cameras
    if plan is None:
        used = dataset.listing.path.isin(dataset.manifest.path)
        refuse_changed_images(compress(dataset.images, used))
        history = train_end_to_end(start.classifier, training, validation, recipe, log, cameras)
        return Fitted(start.classifier, history, None)
    extracted = extract(config, start, plan.cut, dataset, plan.engine)
    log_features(extracted)
    bank, views = extracted.bank, views_of(config)
    history = train_on_bank(plan.cut, bank, views, training, validation, recipe, log)
    return Fitted(start.classifier, history, extracted)


def log_features(extracted: Extracted) -> None:
    """Log the bank that holds the features, and the engine that computed them."""
    mlflow.set_tags(
        {
            "bank.folder": extracted.bank.folder.name,
            "bank.cut": extracted.cut.layer,
            "bank.engine": f"{extracted.engine} {extracted.precision}",
            "bank.engine_error": f"{extracted.error:.6g}",
            "bank.added_features": extracted.added,
        }
    )


def predict_for_evaluation(config: Config, fitted: Fitted, dataset: Dataset) -> pd.DataFrame:
    """Predict the validation and test images in the precision that is served.

    Returns:
        The prediction table; see `prediction_table`.
    """
    tables = [
        prediction_table(dataset.images_of(name), predict_part(config, fitted, dataset.part(name)))
        for name in ("validation", "test")
    ]
    return pd.concat(tables, ignore_index=True)


def predict_part(config: Config, fitted: Fitted, part: Part) -> np.ndarray:
    """Predict images in the precision that is served.

    Returns:
        Probabilities (n, 2) float32, averaged over flips if `augment.test_flips` is set.
    """
    name, precision = served_engine(config)
    extracted, flips = fitted.extracted, config.augment.test_flips
    # Behind features of lower precision, the trained layers would compute in float32, and the
    # served model does not.
    if extracted and extracted.precision == precision == "f32":
        return predict_on_bank(extracted.cut, extracted.predicted, part, config.train)
    if not extracted and precision == "f32":
        return predict_end_to_end(fitted.classifier, part, config.train.batch_size, flips)
    return predict_as_served(
        fitted.classifier,
        part.paths,
        name=name,
        precision=precision,
        flips=flips,
        threads=config.threads.openvino,
    )
