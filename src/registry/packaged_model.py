"""A run's classifier as a registered model that MLflow serves without this repository."""

import base64
import hashlib
import io
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import LoggedModelStatus, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import Model
from PIL import Image

from src.config.code_closure import SRC, code_fingerprint, imported_modules, module_file
from src.tracking.logged_models import MODEL_PACKAGES, pinned_requirements

# What MLflow loads, from a copy of it and of all that it imports of this project.
ENTRY = "src.registry.pyfunc_model"
# What it imports of others.
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


def registered(name: str, run: Run, file: Path, settings: Mapping[str, Any]) -> ModelVersion:
    """The version of the registered model that serves a run's classifier, made if need be.

    It is the same version as long as settings and code are.

    Args:
        name: of the registered model.
        run: that trained the classifier.
        file: the classifier, .keras.
        settings: see `src.registry.judge.load_judge`.
    """
    content = json.dumps([settings, code_fingerprint(ENTRY)], sort_keys=True)
    made_by = hashlib.sha256(content.encode()).hexdigest()
    versions = mlflow.MlflowClient().search_model_versions(
        f"name = '{name}' and run_id = '{run.info.run_id}'"
    )
    for version in versions:
        if version.tags.get(PACKAGED) == made_by:
            return version
    model_id = _logged(name, run, file, settings)
    return mlflow.register_model(f"models:/{model_id}", name, tags={PACKAGED: made_by})


def _logged(name: str, run: Run, file: Path, settings: Mapping[str, Any]) -> str:
    """The id of a new logged model of the run, tried on an example.

    By the client, as MLflow's log_model would open the finished run again.
    """
    client = mlflow.MlflowClient()
    logged = client.create_logged_model(
        run.info.experiment_id, name=name, source_run_id=run.info.run_id
    )
    described = Model(
        artifact_path=logged.artifact_location,
        run_id=run.info.run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
    )
    status = LoggedModelStatus.FAILED
    try:
        with tempfile.TemporaryDirectory() as folder, _no_warnings():
            mlflow.pyfunc.save_model(
                f"{folder}/model",
                mlflow_model=described,
                python_model=str(module_file(ENTRY)),
                code_paths=[str(_copied_code(Path(folder)))],
                artifacts={"classifier": str(file)},
                model_config=dict(settings),
                input_example=[_example()],
                pip_requirements=pinned_requirements(PACKAGES),
            )
            client.log_model_artifacts(logged.model_id, f"{folder}/model")
        status = LoggedModelStatus.READY
    finally:
        client.finalize_logged_model(logged.model_id, status)
    return str(logged.model_id)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Without MLflow's, that it does not check the input: src/registry/pyfunc_model.py does.

    MLflow sets filters of its own, so the warnings module's would do nothing.
    """
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)


def _copied_code(folder: Path) -> Path:
    """A copy of this project's modules that serving imports."""
    for module in imported_modules(ENTRY):
        file = module_file(module)
        target = folder / file.relative_to(SRC.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return folder / SRC.name


def _example() -> str:
    """A small grey JPEG in base64."""
    content = io.BytesIO()
    Image.new("L", (64, 64), 127).save(content, "JPEG")
    return base64.b64encode(content.getvalue()).decode()
