"""Runs that could not be logged: what was trained is kept on this disk, and sent later.

A tracking server can end while a run trains. The model, its history and its predictions are then
written to a folder named by the run's id.
"""

import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from src.config.schema import Config
from src.data.dataset import Dataset
from src.data.vouching import TRAINING_NOTE, refuse_changed
from src.errors import InputError, without_credentials
from src.model.saved_model import load_saved_model
from src.pipeline.fitted_classifier import METRICS, Fitted, log_epoch, predict_for_evaluation
from src.pipeline.run_artifacts import HISTORY, MODEL, PREDICTIONS, save_model, save_predictions
from src.tracking import runs
from src.tracking.logged_models import log_model
from src.tracking.server_access import server_answers


@contextmanager
def kept_without_a_server(
    config: Config, fitted: Fitted, dataset: Dataset, run_id: str
) -> Iterator[None]:
    """Keep a trained model on this disk if the tracking server does not take it.

    Args:
        config: the configuration of the run; `tracking.unsent` is the folder.
        fitted: the trained classifier.
        dataset: the dataset with its split.
        run_id: id of the run.

    Raises:
        InputError: the server does not answer. The message names the folder and the command that
            sends its content.
    """
    try:
        yield
    except MlflowException as error:
        if server_answers():
            raise
        # Each further call would try for minutes.
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
        root = Path(config.tracking.unsent)
        folder = root / run_id
        save_model(folder, fitted.classifier, fitted.history, run_id)
        predictions = predict_for_evaluation(config, fitted, dataset)
        save_predictions(folder, predictions)
        raise InputError(
            f"{mlflow.get_tracking_uri()} no longer answers. The trained model, its history and "
            f"its predictions are kept in {folder}. When the server is back, send them by "
            f"`{evaluate_command(config, run_id)} {shlex.quote(f'tracking.unsent={root}')}`"
        ) from error


def evaluate_command(config: Config, run_id: str) -> str:
    """Return the command that evaluates a run again on its tracking server."""
    uri = config.tracking.uri
    server = f" tracking.uri={without_credentials(uri)}" if uri else ""
    return f"python -m src.evaluate evaluate.run={run_id}{server}"


def send_kept(root: Path, run: Run, image_size: int) -> None:
    """Log in the active run what was kept of it, and delete the folder.

    Epochs that were logged before are left out. Nothing is done if nothing was kept.

    Args:
        root: the folder of all runs that could not be logged.
        run: the active run.
        image_size: height and width of the model's images in pixels.

    Raises:
        InputError: a file of the folder is damaged.
    """
    folder = root / run.info.run_id
    if not folder.is_dir():
        return
    for name in (MODEL, HISTORY, PREDICTIONS):
        refuse_changed(folder / name, TRAINING_NOTE)
    try:
        classifier = load_saved_model(folder / MODEL)
        history = pd.read_csv(folder / HISTORY, index_col="epoch")
        predictions = pd.read_csv(folder / PREDICTIONS)
    except (InputError, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder} can't be sent ({error}): train the run again, and delete the folder"
        ) from error
    logged = mlflow.MlflowClient().get_metric_history(run.info.run_id, METRICS["loss"])
    # MLflow would keep two values of an epoch.
    for epoch, values in (
        history.drop([one.step for one in logged], errors="ignore").to_dict("index").items()
    ):
        log_epoch({str(key): float(value) for key, value in values.items()}, int(str(epoch)))
    runs.log_predictions(predictions)
    log_model(classifier, image_size, run.info.run_name or run.info.run_id)
    shutil.rmtree(folder)
