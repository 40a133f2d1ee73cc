"""Which model is used where the user names none."""

import mlflow
import pytest

from src.config.loader import compose_as
from src.config.tool_schema import ModelInUse, Promote
from src.errors import InputError
from src.tracking import model_in_use as model_in_use_module
from src.tracking import runs
from src.tracking.model_in_use import model_in_use
from tests.tracking.store import put_database

CHAMPION, SHIPPED = "models:/crack-classifier@champion", "models/model.keras"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project's folder with an empty registry."""
    before = mlflow.get_tracking_uri()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(model_in_use_module, "ROOT", tmp_path)
    put_database(tmp_path / "mlruns/mlflow.db")
    yield tmp_path
    mlflow.set_tracking_uri(before)


def first() -> str:
    tracking = compose_as(Promote, "promote/config", []).tracking
    return model_in_use(
        ModelInUse(model=None, default_models=[CHAMPION, SHIPPED], tracking=tracking)
    )


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
