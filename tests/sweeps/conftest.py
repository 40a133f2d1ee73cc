"""Fixture for the tests of sweeps."""

import mlflow
import pytest

from src.tracking import runs
from tests.tracking.store import put_database


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Connect MLflow to a new database in a temporary folder, which is the working directory."""
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        folder = tmp_path_factory.mktemp("project")
        put_database(folder / "mlruns/mlflow.db")
        patch.chdir(folder)
        runs.connect(None, "crack-detection")
        yield
    mlflow.set_tracking_uri(before)
