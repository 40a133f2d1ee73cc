"""A store of runs in an empty folder."""

import mlflow
import pytest

from src.tracking import runs
from tests.tracking.store import put_database


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Connect to a new database in the test's folder, which is the current one meanwhile."""
    before = mlflow.get_tracking_uri()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    put_database(tmp_path / "mlruns/mlflow.db")
    runs.connect(None, "crack-detection")
    yield
    mlflow.set_tracking_uri(before)
