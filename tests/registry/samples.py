"""Runs that tests of the model registry promote, written without training."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from src.config.loader import compose_as
from src.config.tool_schema import Promote
from src.model.decision import DECISION, Decision, undecided
from src.model.weights import weights_sha256
from src.tracking import runs
from src.tracking.logged_models import log_model
from tests.samples import light_classifier
from tests.statistics.samples import table_of
from tests.tracking.store import put_database

PATCH, TEMPERATURE = 96, 1.7
LABELS = [0, 1] * 200


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a registry in `folder`, connected to meanwhile."""
    uri, before = f"sqlite:///{folder}/mlflow.db", mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        # Where MLflow puts the artifacts of such a server.
        patch.chdir(folder)
        put_database(folder / "mlflow.db")
        runs.connect(uri, "crack-detection")
        yield uri
    mlflow.set_tracking_uri(before)


def classifier() -> keras.Model:
    """A classifier of patches of 96 pixels that says something else of each image."""
    return light_classifier()


def predictions(wrong: int, labels: list[int] = LABELS) -> pd.DataFrame:
    """The table of a model that has the first `wrong` images wrong."""
    right = [0.1 + 0.8 * label for label in labels]
    return table_of(labels, [1 - p if i < wrong else p for i, p in enumerate(right)])


def decision(model: keras.Model | None = None) -> Decision:
    """What training decides of a model."""
    weights = weights_sha256(model) if model else "0" * 64
    made = undecided(weights, "openvino", "f32")
    return made.model_copy(update={"temperature": TEMPERATURE, "calibrated": True})


def trained(
    name: str, model: keras.Model | None, table: pd.DataFrame | None, decided: bool = True
) -> str:
    """The id of a run as training leaves it, on the server that is connected."""
    settings = {"data": {"classes": ["Negative", "Positive"], "dir": "images"}}
    with runs.tracked_run(name, settings, system_metrics=False) as run_id:
        mlflow.set_tag(MLFLOW_RUN_NOTE, f"What training said about {name}.")
        if table is not None:
            runs.log_predictions(table)
            parts = np.resize(["train", "validation", "test"], len(table))
            split = table[["path", "label"]].assign(part=parts)
            mlflow.log_text(split.to_csv(index=False), "split.csv")
        if model is not None:
            log_model(model, PATCH)
        if decided:
            mlflow.log_dict(decision(model).model_dump(), DECISION)
    return run_id


def settings(uri: str, *overrides: str) -> Promote:
    given = [f"tracking.uri={uri}", "serving.engine.precision=f32", *overrides]
    return compose_as(Promote, "promote/config", given)
