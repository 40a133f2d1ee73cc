"""Addresses of the pages on which MLflow shows runs and models."""

import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode, urlsplit

import mlflow
from mlflow.entities import Run

from src.errors import without_credentials

# The part of an address that chooses MLflow's pages for training.
TRAINING = "workflowType=machine_learning"


def address_of(run_id: str, ui: str) -> str:
    """Return the address of a run's page, without user and password.

    Args:
        run_id: id of the run.
        ui: the address at which `make ui` serves runs that are tracked on this machine. A tracking
            server serves its own pages.
    """
    experiment = mlflow.get_run(run_id).info.experiment_id
    page = f"#/experiments/{experiment}/runs/{run_id}"
    # Without the type of work, a new browser shows MLflow's pages for language models.
    return f"{_served_at(ui)}/{page}?{TRAINING}"


def address_of_comparison(runs: Sequence[Run], ui: str) -> str:
    """Return the address of the page that compares runs; see `address_of`."""
    run_ids = [run.info.run_id for run in runs]
    experiments = sorted({run.info.experiment_id for run in runs})
    asked = {"runs": _as_json(run_ids), "experiments": _as_json(experiments)}
    return f"{_served_at(ui)}/#/compare-runs?{urlencode(asked)}"


def _as_json(values: Sequence[str]) -> str:
    return json.dumps(list(values), separators=(",", ":"))


def address_of_version(name: str, number: str, ui: str) -> str:
    """Return the address of the page of a registered model's version; see `address_of`."""
    return f"{_served_at(ui)}/#/models/{quote(name)}/versions/{number}"


def _served_at(ui: str) -> str:
    uri = mlflow.get_tracking_uri()
    served_at = uri.rstrip("/") if urlsplit(uri).scheme in ("http", "https") else ui
    return without_credentials(served_at)
