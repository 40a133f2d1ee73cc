"""Addresses of MLflow's pages; tests/whole/test_ui.py opens such pages in a browser."""

import json
from urllib.parse import parse_qs, urlsplit

import mlflow
import pytest

from src.tracking.page_addresses import address_of, address_of_comparison, address_of_version
from src.tracking.runs import connect, tracked_run
from tests.tracking.store import put_database

UI = "http://127.0.0.1:5000"


@pytest.fixture
def two_runs(tmp_path) -> list[str]:
    put_database(tmp_path / "mlflow.db")
    connect(f"sqlite:///{tmp_path}/mlflow.db", "addresses")
    ids = []
    for name in ("one", "two"):
        with tracked_run(name, {}, system_metrics=False) as run_id:
            ids.append(run_id)
    return ids


def test_runs_are_compared_on_one_page(two_runs):
    address = address_of_comparison([mlflow.get_run(run) for run in two_runs], UI)
    place, _, asked = address.partition("?")
    assert place == f"{UI}/#/compare-runs"
    experiment = mlflow.get_run(two_runs[0]).info.experiment_id
    assert {key: json.loads(value) for key, (value,) in parse_qs(asked).items()} == {
        "runs": two_runs,
        "experiments": [experiment],
    }
    assert address_of(two_runs[0], UI).split("?")[0].endswith(f"/{experiment}/runs/{two_runs[0]}")


def test_a_server_has_pages_of_its_own(monkeypatch):
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: "http://me:secret@mlflow.example:80/")
    address = address_of_version("a name", "3", UI)
    assert urlsplit(address).hostname == "mlflow.example"
    assert address.endswith("/#/models/a%20name/versions/3")
    assert "secret" not in address
