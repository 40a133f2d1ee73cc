"""Sweeps for tests: a parent run, and children as jobs leave them, without training."""

import mlflow
import numpy as np
import pandas as pd
import pytest

from src.config.schema import Evaluate
from src.statistics.metrics import prediction_table
from src.statistics.run_metrics import evaluate_predictions
from src.sweeps.sweep_jobs import job_of
from src.sweeps.sweep_parent import open_sweep
from src.tracking import runs

LOGGED = {
    "data": {"dir": "images", "classes": ["Negative", "Positive"]},
    "tracking": {"prediction_grid": 4},
    "evaluate": {
        "bins": 5,
        "resamples": 100,
        "margin": 0.001,
        "missed_crack": 10.0,
        "false_alarm": 1.0,
        "suspect": 0.45,
        "seed": 0,
        "run": None,
    },
}
BASE = {"model": {"frozen_layers": 150, "dropout": 0.2}, "train": {"epochs": 10}}


def settings(frozen: int = 150, dropout: float = 0.2) -> dict:
    return BASE | {"model": {"frozen_layers": frozen, "dropout": dropout}}


def opened(name: str, *keys: str, jobs: tuple = (settings(), settings(143, 0.3))) -> str:
    return open_sweep(name, keys, [f"{key}=…" for key in keys], jobs)


def reopened(parent: str, name: str, *keys: str, **options: tuple) -> None:
    """The same sweep again, after its last start has ended."""
    mlflow.MlflowClient().set_terminated(parent)
    assert opened(name, *keys, **options) == parent


def predictions(wrong: list[int], images: range = range(40), loss: float = 0.1) -> pd.DataFrame:
    """Of the numbered images, the even ones Positive, as validation and as test part."""
    number = np.array(images)
    label = 1 - number % 2
    sure = np.exp(-loss)
    right = np.where(np.isin(number, wrong), 1 - sure, sure)
    probabilities = np.where(label[:, None] == [0, 1], right[:, None], 1 - right[:, None])
    parts = []
    for part in ("validation", "test"):
        path = [f"{part}-{n}.jpg" for n in number]
        manifest = pd.DataFrame({"path": path, "label": label, "part": part, "group": number})
        manifest["source"] = "drawn"
        parts.append(prediction_table(manifest, probabilities))
    return pd.concat(parts, ignore_index=True)


def log_child(
    parent: str,
    table: pd.DataFrame,
    *overrides: str,
    logged: dict = LOGGED,
    images: str = "a" * 64,
    **job_settings: float,
) -> str:
    job = job_of(parent, overrides, settings(**job_settings))
    tags = {**job.tags, "dataset.fingerprint": images}
    with runs.tracked_run(
        job.name, logged, system_metrics=False, parent=parent, tags=tags
    ) as run_id:
        for epoch, loss in enumerate((0.5, 0.2), start=1):
            mlflow.log_metric("loss/validation", loss, step=epoch)
        runs.log_metrics_of_parts(evaluate_predictions(table, Evaluate(**logged["evaluate"])))
        runs.log_predictions(table)
    return run_id


def fail_child(parent: str, *overrides: str, **job_settings: float) -> None:
    job = job_of(parent, overrides, settings(**job_settings))
    options = {"system_metrics": False, "parent": parent, "tags": job.tags}
    with pytest.raises(OSError, match="disk"), runs.tracked_run(job.name, {}, **options):
        raise OSError("disk full")


def artifact(run_id: str, path: str) -> str:
    return mlflow.artifacts.load_text(f"runs:/{run_id}/{path}")
