"""The predictions of a run whose evaluation failed before it had any."""

from pathlib import Path

import keras
import mlflow
import pandas as pd
from mlflow.entities import Run

from src.config.schema import Config
from src.data.splits.manifest import manifest_fingerprint
from src.errors import InputError
from src.pipeline.engine_effect import check_effect
from src.pipeline.fitted_classifier import Fitted, predict_for_evaluation
from src.pipeline.run_artifacts import PREDICTIONS
from src.pipeline.splitting import prepared_dataset
from src.tracking.run_reading import predictions_of


def has_predictions(run_id: str, unsent: Path) -> bool:
    """Return whether a run has predictions on its server, or in the folder of unsent runs."""
    logged = {file.path for file in mlflow.artifacts.list_artifacts(run_id=run_id)}
    return PREDICTIONS in logged or (unsent / run_id).is_dir()


def existing_or_new_predictions(run: Run, config: Config, classifier: keras.Model) -> pd.DataFrame:
    """Return the predictions of a run. If it has none, its model predicts now.

    Args:
        run: the active run.
        config: its configuration.
        classifier: its trained model.

    Raises:
        InputError: the predictions are damaged, or the images are no longer those of the run. Or
            the engine changes more verdicts than the configuration allows.
    """
    if has_predictions(run.info.run_id, Path(config.tracking.unsent)):
        return predictions_of(run)
    dataset = prepared_dataset(config)
    if manifest_fingerprint(dataset.manifest) != run.data.tags.get("split.fingerprint"):
        raise InputError(
            f"run {run.info.run_id} has no predictions, and {config.data.dir} no longer has the "
            "images of its split: train it again"
        )
    fitted = Fitted(classifier, history={}, extracted=None)
    check_effect(config, fitted, dataset)
    return predict_for_evaluation(config, fitted, dataset)
