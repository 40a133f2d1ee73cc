"""An empty database of MLflow's for tests to begin with, as making one takes seconds."""

import functools
import tempfile
from contextlib import chdir
from pathlib import Path

import mlflow


def put_database(file: Path) -> None:
    """Write an empty database, as the first run on a machine would make it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_empty_database())


@functools.cache
def _empty_database() -> bytes:
    # MLflow makes a folder for artifacts in the current one.
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        file = Path(folder, "mlflow.db")
        mlflow.MlflowClient(f"sqlite:///{file}").search_experiments()
        return file.read_bytes()
