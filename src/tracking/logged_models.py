"""Logging trained classifiers, and loading them from a file, a run or the model registry."""

import functools
import json
import re
import tempfile
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from src.data.files import temporary_folder
from src.data.splits.manifest import read_manifest
from src.data.vouching import TRAINING_NOTE, refuse_changed
from src.errors import InputError
from src.tracking.logged_files import logged_file
from src.tracking.processes import complete, process_tags
from src.tracking.run_reading import config_of, run_named

if TYPE_CHECKING:
    import keras
    from mlflow.models.model import ModelInfo

# The alias of the registered model's version that is in use.
CHAMPION = "champion"
# Letters that MLflow does not allow in the names of models.
NOT_ALLOWED = re.compile(r"""[/:.%"']""")
RUN_ID = re.compile("[0-9a-f]{6,32}")
FORMS = (
    "a .keras file, a run's id or at least its first 6 characters, or "
    "models:/NAME@ALIAS, models:/NAME/VERSION or models:/m-ID"
)
# Packages that are needed to load a logged model. Only one of TensorFlow's two is installed.
MODEL_PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "numpy")


def kind_of(model: str) -> Literal["file", "run", "registry"]:
    """Return what kind of thing `model` names, see `load_classifier`.

    If a file has the same name as a run, the name means the file.
    """
    if model.startswith("models:/"):
        return "registry"
    return "run" if RUN_ID.fullmatch(model) and not Path(model).exists() else "file"


def load_classifier(model: str) -> "keras.Model":
    """Load the classifier that `model` names.

    Args:
        model: the path of a .keras file, the id of a run, or a URI `models:/…` of a registered or
            logged model. For a run, at least the first 6 characters of the id are given, and its
            last logged model is loaded. Runs and URIs are looked up on the server that
            `src.tracking.runs.connect` has chosen.

    Returns:
        A model that maps images (n, size, size, 3) in [0, 255] to probabilities (n, 2).

    Raises:
        InputError: the file, run or model does not exist, or several runs match. The run has
            logged no model, or the model is not a classifier of patches.
    """
    # Finding a model does not need TensorFlow, which takes seconds to import.
    from src.model.saved_model import load_saved_model

    classifier = load_saved_model(find_model(model))
    shapes = getattr(classifier, "input_shape", None), getattr(classifier, "output_shape", None)
    match shapes:
        case (_, height, width, 3), (_, 2) if height and height == width:
            return classifier
    raise InputError(
        f"{model} takes {shapes[0]} and gives {shapes[1]}; a classifier of patches takes "
        "(None, size, size, 3) and gives (None, 2)"
    )


def find_model(model: str) -> Path:
    """Return the .keras file of a model, and download it from the server if necessary.

    Args:
        model: see `load_classifier`.

    Raises:
        InputError: see `load_classifier`. The content of the file is only checked against the note
            of the training that wrote it.
    """
    match kind_of(model):
        case "registry":
            return _fetched(model)
        case "run":
            return _fetched(_known_model(run_named(model)))
    file = Path(model)
    if not file.is_file():
        raise InputError(f"{model}: no such model file; model= names {FORMS}")
    if file.suffix != ".keras":
        raise InputError(f"{model} is not a .keras file; a model is {FORMS}")
    refuse_changed(file, TRAINING_NOTE)
    return file


def training_split(model: str) -> tuple[pd.DataFrame, Path]:
    """Return the manifest of a model's training, and the folder that its paths are relative to.

    For a run or a registered model, the run has logged both. For a file, the pipeline has written
    both to the file's folder.

    Args:
        model: see `load_classifier`.

    Raises:
        InputError: the manifest or the name of the folder is missing.
    """
    if (kind := kind_of(model)) != "file":
        try:
            if kind == "run":
                run = run_named(model)
            else:
                run = mlflow.get_run(str(model_info(model).run_id))
            images = config_of(run.info.run_id)["data"]["dir"]
        except (MlflowException, OSError, KeyError) as error:
            raise InputError(f"{model}: its run has no split.csv and data.dir: {error}") from error
        with logged_file(run, "split.csv") as path:
            return read_manifest(path), Path(images)
    beside = Path(model).parent
    try:
        images = str(json.loads((beside / "fetched.json").read_text(encoding="utf-8"))["dir"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"no fetched.json of the pipeline beside {model}: {error}; name the run instead, or "
            "give the patches as manifest=CSV images=FOLDER"
        ) from error
    return read_manifest(beside / "split.csv"), Path(images)


def _known_model(run: Run) -> str:
    model = model_of(run)
    if model is None:
        raise InputError(f"run {run.info.run_id} ({run.info.status}) logged no model")
    return model


def model_of(run: Run) -> str | None:
    """Return the URI of a run's last logged model, or None if it has logged none."""
    logged = run.outputs.model_outputs if run.outputs else []
    return f"models:/{logged[-1].model_id}" if logged else None


def _fetched(uri: str) -> Path:
    try:
        folder = Path(
            mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=_download_to())
        )
    except (MlflowException, OSError) as error:
        server = mlflow.get_tracking_uri()
        hint = "; `python -m src.promote RUN` makes a run's model the champion"
        raise InputError(
            f"there is no model {uri} on {server}: {error}"
            f"{hint if uri.endswith(f'@{CHAMPION}') else ''}"
        ) from error
    files = sorted(folder.rglob("*.keras"))
    if len(files) != 1:
        raise InputError(f"{uri} holds {len(files)} .keras files instead of one")
    return files[0]


def model_info(uri: str) -> "ModelInfo":
    """Return what MLflow knows of the model at a URI `models:/…`.

    Raises:
        MlflowException, OSError: there is no such model.
    """
    from mlflow.models import Model

    name = uri.removeprefix("models:/")
    place = mlflow.get_logged_model(name).artifact_location if name.startswith("m-") else uri
    file = mlflow.artifacts.download_artifacts(f"{place}/MLmodel", dst_path=_download_to())
    return Model.load(file).get_model_info()


def _download_to() -> str | None:
    """Return a new folder for a server's files, until this process ends.

    None means that files of a folder on this machine are used where they lie. MLflow would leave
    what it downloads from a server in the system's folder for temporary files.
    """
    if urlsplit(mlflow.get_tracking_uri()).scheme not in ("http", "https"):
        return None
    return tempfile.mkdtemp(dir=_downloads().name)


@functools.cache
def _downloads() -> tempfile.TemporaryDirectory[str]:
    return temporary_folder("crack-models")


def log_model(model: "keras.Model", image_size: int, name: str = "classifier") -> str:
    """Log a classifier of uint8 images in the active run, and return its model URI.

    Args:
        model: a model that maps images (n, image_size, image_size, 3) to probabilities (n, 2).
        image_size: height and width of the images in pixels.
        name: name of the model. Letters that MLflow does not allow are replaced.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    images = TensorSpec(np.dtype(np.uint8), (-1, image_size, image_size, 3), "image")
    probabilities = TensorSpec(np.dtype(np.float32), (-1, 2), "probabilities")
    info = mlflow.tensorflow.log_model(
        model,
        name=NOT_ALLOWED.sub("_", name),
        signature=ModelSignature(inputs=Schema([images]), outputs=Schema([probabilities])),
        pip_requirements=pinned_requirements(),
        tags=process_tags(),
    )
    complete(info.model_id)
    return str(info.model_uri)


def pinned_requirements(packages: Iterable[str] = MODEL_PACKAGES) -> list[str]:
    """Return the requirement `name==version` of each of the packages that is installed."""
    pinned = []
    for package in packages:
        try:
            pinned.append(f"{package}=={version(package)}")
        except PackageNotFoundError:
            continue
    return pinned
