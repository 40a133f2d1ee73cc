"""Trained classifiers, wherever they are kept: a file, a run, or the model registry."""

import json
import re
import zipfile
from pathlib import Path

import keras
import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException

from src.data.split import read_manifest
from src.errors import InputError
from src.tracking.registry import CHAMPION

RUN_ID = re.compile("[0-9a-f]{32}")
FORMS = "a .keras file, a run's id, or models:/NAME@ALIAS, models:/NAME/VERSION or models:/m-ID"


def load_classifier(model: str) -> keras.Model:
    """Load the classifier that `model` names.

    Args:
        model: the path of a .keras file; the id of a run, whose last logged model is meant; or a
            URI `models:/…` of a registered or logged model. The last two are looked up on the
            server that `src.tracking.runs.connect` chose.

    Returns:
        A model of images (n, size, size, 3) in [0, 255] to probabilities (n, 2).

    Raises:
        InputError: there is no such file, run or model, the run logged none, or what is there is
            no such classifier.
    """
    file = find_model(model)
    try:
        classifier = keras.saving.load_model(file, compile=False)
    except (OSError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{model}: {file} can't be loaded as a Keras model: {error}") from error
    shapes = getattr(classifier, "input_shape", None), getattr(classifier, "output_shape", None)
    match shapes:
        case (_, height, width, 3), (_, 2) if height and height == width:
            return classifier
    raise InputError(
        f"{model} takes {shapes[0]} and gives {shapes[1]}; a classifier of patches takes "
        "(None, size, size, 3) and gives (None, 2)"
    )


def find_model(model: str) -> Path:
    """The .keras file of what `load_classifier` loads, fetched from the server if need be.

    Raises:
        InputError: as there, but the file is not opened.
    """
    if model.startswith("models:/"):
        return _fetched(model)
    if RUN_ID.fullmatch(model) and not Path(model).exists():
        return _fetched(_model_of_run(model))
    file = Path(model)
    if not file.is_file():
        raise InputError(f"{model}: no such model file; a model is {FORMS}")
    if file.suffix != ".keras":
        raise InputError(f"{model} is no .keras file; a model is {FORMS}")
    return file


def training_split(model: str) -> tuple[pd.DataFrame, Path]:
    """The manifest that a model was trained by, and the folder its paths are relative to.

    Of a run they are its own; of a file those that the pipeline left beside it.

    Args:
        model: as `load_classifier` takes it.

    Raises:
        InputError: they are not there.
    """
    if model.startswith("models:/") or (RUN_ID.fullmatch(model) and not Path(model).exists()):
        try:
            run_id = model
            if model.startswith("models:/"):
                run_id = str(mlflow.models.get_model_info(model).run_id)
            images = mlflow.get_run(run_id).data.params["data.dir"]
            split = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="split.csv")
        except (MlflowException, OSError, KeyError) as error:
            raise InputError(f"{model}: its run has no split.csv and data.dir: {error}") from error
        return read_manifest(Path(split)), Path(images)
    beside = Path(model).parent
    try:
        images = json.loads((beside / "fetched.json").read_text())["dir"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"no fetched.json of the pipeline beside {model}: {error}") from error
    return read_manifest(beside / "split.csv"), Path(images)


def _model_of_run(run_id: str) -> str:
    try:
        run = mlflow.get_run(run_id)
    except MlflowException as error:
        server = mlflow.get_tracking_uri()
        raise InputError(f"there is no run {run_id} on {server}: {error}") from error
    logged = run.outputs.model_outputs if run.outputs else []
    if not logged:
        raise InputError(f"run {run_id} ({run.info.status}) logged no model")
    return f"models:/{logged[-1].model_id}"


def _fetched(uri: str) -> Path:
    try:
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    except (MlflowException, OSError) as error:
        server = mlflow.get_tracking_uri()
        hint = "; `python -m src.promote RUN` makes a run's model the champion"
        raise InputError(
            f"there is no model {uri} on {server}: {error}"
            f"{hint if uri.endswith(f'@{CHAMPION}') else ''}"
        ) from error
    files = sorted(folder.rglob("*.keras"))
    if len(files) != 1:
        raise InputError(f"{uri} holds {len(files)} .keras files, and must hold one")
    return files[0]
