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

from src.code import code_fingerprint
from src.tracking.models import MODEL_PACKAGES, pinned_requirements

SOURCE = Path(__file__).resolve().parent.parent
# What src/serving/ imports, directly or not: of this project …
CODE = (
    "__init__.py",
    "errors.py",
    "model/__init__.py",
    "model/class_map.py",
    "model/classifier.py",
    "model/engine.py",
    "model/openvino_engine.py",
    "serving/__init__.py",
    "serving/judge.py",
    "serving/pyfunc_model.py",
    "vision/__init__.py",
    "vision/blocks.py",
    "vision/photos.py",
    "vision/scoring.py",
)
# … and of others.
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
        settings: see `src.serving.judge.load_judge`.
    """
    by = {part: code_fingerprint(SOURCE / part) for part in CODE}
    made_by = hashlib.sha256(json.dumps([settings, by], sort_keys=True).encode()).hexdigest()
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
                python_model=str(SOURCE / "serving" / "pyfunc_model.py"),
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
    """Without MLflow's, that it does not check the input: src/serving/pyfunc_model.py does.

    MLflow sets filters of its own, so the warnings module's would do nothing.
    """
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)


def _copied_code(folder: Path) -> Path:
    target = folder / SOURCE.name
    for part in CODE:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SOURCE / part, target / part)
    return target


def _example() -> str:
    """A small grey JPEG in base64."""
    content = io.BytesIO()
    Image.new("L", (64, 64), 127).save(content, "JPEG")
    return base64.b64encode(content.getvalue()).decode()
