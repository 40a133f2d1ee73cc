"""Packaging a run's classifier as a registered model that MLflow serves without this repository."""

import base64
import hashlib
import io
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import LoggedModelStatus, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from PIL import Image

from src.config.code_closure import SRC, code_fingerprint, imported_modules, module_file
from src.config.console import announced
from src.data.files import temporary_folder
from src.tracking.logged_models import MODEL_PACKAGES, model_info, pinned_requirements
from src.tracking.processes import complete, process_tags

# The module that MLflow loads. The package holds a copy of it and of all this project's modules
# that it imports.
ENTRY = "src.registry.pyfunc_model"
# The packages that these modules import.
PACKAGES = (
    *MODEL_PACKAGES,
    "mlflow",
    "opencv-python-headless",
    "openvino",
    "pandas",
    "pillow",
    "pillow-heif",
    "scipy",
)
PACKAGED = "serving.fingerprint"
PACKAGE = "model"  # the folder of a packaged model


def registered(name: str, run: Run, file: Path, settings: Mapping[str, Any]) -> ModelVersion:
    """Return the version of a registered model that serves a run's classifier.

    If the run has no version with the same settings and the same code, a new one is registered. A
    version whose files somebody has deleted does not count.

    Args:
        name: name of the registered model.
        run: the run that trained the classifier.
        file: the classifier as a .keras file.
        settings: see `src.registry.image_judge.load_judge`.
    """
    content = json.dumps([settings, code_fingerprint(ENTRY)], sort_keys=True)
    made_by = hashlib.sha256(content.encode()).hexdigest()
    versions = mlflow.MlflowClient().search_model_versions(
        f"name = '{name}' and run_id = '{run.info.run_id}'"
    )
    for version in versions:
        if version.tags.get(PACKAGED) == made_by and _has_files(version):
            return version
    with announced("packaging the model, and testing the package (about 15 s)"):
        model_id = _logged(name, run, file, settings)
    # MLflow prints that it has made a version, which the command tells itself.
    with redirect_stderr(io.StringIO()):
        return mlflow.register_model(f"models:/{model_id}", name, tags={PACKAGED: made_by})


def _has_files(version: ModelVersion) -> bool:
    """Return whether the package of a version is still there."""
    try:
        model_info(f"models:/{version.name}/{version.version}")
    except (MlflowException, OSError):
        return False
    return True


def _logged(name: str, run: Run, file: Path, settings: Mapping[str, Any]) -> str:
    """Log a new model in the run, try it on an example, and return its id.

    MLflow's log_model would reopen the finished run, so the model is logged with MLflow's client.
    """
    client = mlflow.MlflowClient()
    logged = client.create_logged_model(
        run.info.experiment_id, name=name, source_run_id=run.info.run_id, tags=process_tags()
    )
    described = Model(
        artifact_path=logged.artifact_location,
        run_id=run.info.run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
    )
    status = LoggedModelStatus.FAILED
    try:
        with temporary_folder("crack-package") as folder:
            write_package(Path(folder), file, settings, described)
            client.log_model_artifacts(logged.model_id, f"{folder}/{PACKAGE}")
        status = LoggedModelStatus.READY
    finally:
        client.finalize_logged_model(logged.model_id, status)
        complete(logged.model_id)
    return str(logged.model_id)


def write_package(
    folder: Path, file: Path, settings: Mapping[str, Any], described: Model | None = None
) -> None:
    """Write a model that MLflow serves to the folder PACKAGE in `folder`, and try it.

    Args:
        folder: a folder, which also gets a copy of the code.
        file: the classifier as a .keras file.
        settings: see `src.registry.image_judge.load_judge`.
        described: where the model will be logged, or None.
    """
    with _no_warnings():
        mlflow.pyfunc.save_model(
            str(folder / PACKAGE),
            mlflow_model=described,
            python_model=str(module_file(ENTRY)),
            code_paths=[str(_copied_code(folder))],
            artifacts={"classifier": str(file)},
            model_config=dict(settings),
            input_example=[_example()],
            pip_requirements=pinned_requirements(PACKAGES),
        )


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Suppress MLflow's warning that it does not check the input.

    The module src.registry.pyfunc_model checks the input itself. MLflow sets its own filters of
    warnings, so a filter of the warnings module would have no effect.
    """
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)


def _copied_code(folder: Path) -> Path:
    """Copy this project's modules that serving imports, and return the folder of the copies."""
    for module in imported_modules(ENTRY):
        file = module_file(module)
        target = folder / file.relative_to(SRC.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return folder / SRC.name


def _example() -> str:
    """Return a small grey JPEG image in base64."""
    content = io.BytesIO()
    Image.new("L", (64, 64), 127).save(content, "JPEG")
    return base64.b64encode(content.getvalue()).decode()
