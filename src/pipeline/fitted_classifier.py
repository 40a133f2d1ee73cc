"""Fitting a configuration's classifier, on stored features or end to end, and its predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import keras
import mlflow
import numpy as np
import pandas as pd

from src.bank.file_prediction import predict_as_served
from src.bank.suffix_training import predict_on_bank, train_on_bank
from src.config.schema import Config
from src.data.dataset import Dataset, Part
from src.model.cut import Cut
from src.model.fitting import History, predict_end_to_end, train_end_to_end
from src.pipeline.features import (
    Extracted,
    PrefixEngine,
    Start,
    check_early,
    extract,
    served_engine,
    useful_cut,
    views_of,
)
from src.statistics.metrics import prediction_table


@dataclass(frozen=True)
class Plan:
    """Where a classifier will be cut, and the engine that computes what lies before."""

    cut: Cut
    engine: PrefixEngine


@dataclass(frozen=True)
class Fitted:
    """A trained classifier, its history and, where it was trained on them, its features."""

    classifier: keras.Model
    history: History
    extracted: Extracted | None


def planned_cut(config: Config, start: Start, dataset: Dataset) -> Plan | None:
    """Where to cut, with an engine that was checked; None where training goes end to end.

    Raises:
        InputError: the engine is not precise enough.
    """
    cut = useful_cut(config, start.classifier)
    mlflow.set_tag("training.path", "bank" if cut else "end_to_end")
    if cut is None:
        return None
    engine = PrefixEngine(config, cut.prefix, dataset.paths)
    check_early(config, start, cut, dataset, engine)
    return Plan(cut, engine)


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


def fit_classifier(config: Config, start: Start, plan: Plan | None, dataset: Dataset) -> Fitted:
    """Train `start.classifier` in place."""
    training, validation = dataset.part("train"), dataset.part("validation")
    recipe, log = config.train, [LogEpochs()]
    if plan is None:
        history = train_end_to_end(start.classifier, training, validation, recipe, log)
        return Fitted(start.classifier, history, None)
    extracted = extract(config, start, plan.cut, dataset, plan.engine)
    log_features(extracted)
    bank, views = extracted.bank, views_of(config)
    history = train_on_bank(plan.cut, bank, views, training, validation, recipe, log)
    return Fitted(start.classifier, history, extracted)


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


def predict_held_out(config: Config, fitted: Fitted, dataset: Dataset) -> pd.DataFrame:
    """The prediction table of validation and test, in the precision that is served."""
    tables = [
        prediction_table(
            dataset.images_of(name), _probabilities(config, fitted, dataset.part(name))
        )
        for name in ("validation", "test")
    ]
    return pd.concat(tables, ignore_index=True)


def _probabilities(config: Config, fitted: Fitted, part: Part) -> np.ndarray:
    """(n, 2) float32, averaged over flips where the configuration says so."""
    name, precision = served_engine(config)
    extracted, flips = fitted.extracted, config.augment.test_flips
    if extracted and extracted.precision == precision:
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
