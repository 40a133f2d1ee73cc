"""Which model is used where the user names none."""

import mlflow
import pytest

from src.errors import InputError
from src.tracking import default_models, runs
from src.tracking.default_models import first_existing
from tests.tracking.store import put_database

CHAMPION, SHIPPED = "models:/crack-classifier@champion", "models/model.keras"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project's folder with an empty registry."""
    before = mlflow.get_tracking_uri()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(default_models, "ROOT", tmp_path)
    put_database(tmp_path / "mlruns/mlflow.db")
    yield tmp_path
    mlflow.set_tracking_uri(before)


def first() -> str:
    return first_existing([CHAMPION, SHIPPED], None, "crack-detection")


def test_the_champion_comes_before_the_model_of_the_project(project):
    with pytest.raises(InputError, match="there is no model yet"):
        first()
    (project / "models").mkdir()
    (project / SHIPPED).touch()
    assert first() == str(project / SHIPPED)
    runs.connect(None, "crack-detection")
    client = mlflow.MlflowClient()
    client.create_registered_model("crack-classifier")
    # A model without a champion is none.
    assert first() == str(project / SHIPPED)
    client.create_model_version("crack-classifier", "file:///nowhere")
    client.set_registered_model_alias("crack-classifier", "champion", "1")
    assert first() == CHAMPION
