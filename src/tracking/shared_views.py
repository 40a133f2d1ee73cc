"""Views of MLflow's UI: a table of runs with chosen columns, in a chosen order, at an address."""

import json
from collections.abc import Iterable

import mlflow
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from src.tracking.page_addresses import TRAINING
from src.tracking.runs import VALIDATION_LOSS

# MLflow's UI stores a view shared with its button "Share" in an experiment tag with this prefix.
# The URL names the view as viewStateShareKey (MLflow 3.17, ExperimentPage).
SHARED_VIEW = "mlflow.sharedViewState."
RESULTS = ("best.test.errors", VALIDATION_LOSS)
# The settings that `make ui` shows as columns.
SETTINGS = (
    *("model.frozen_layers", "model.dropout", "train.learning_rate", "split.strategy"),
    "data.name",
)
# The name of the view that `make ui` opens.
ALL_RUNS = "all-runs"


def share_runs(experiment: str) -> str:
    """Store a view of all runs of an experiment, the lowest validation loss first.

    Args:
        experiment: id of the experiment.

    Returns:
        The part of the view's URL that starts with `#`.
    """
    settings = [f"params.`{name}`" for name in SETTINGS]
    return _share(experiment, ALL_RUNS, settings, "")


def share_sweep(parent: str, swept: Iterable[str]) -> str:
    """Store a view of a sweep's child runs, with the swept settings and the results as columns.

    Args:
        parent: run id of the sweep's parent run.
        swept: the columns of the swept settings, as in "params.`model.dropout`".

    Returns:
        See `share_runs`.
    """
    experiment = mlflow.get_run(parent).info.experiment_id
    children = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'"
    return _share(experiment, parent, swept, children)


def _share(experiment: str, key: str, settings: Iterable[str], search: str) -> str:
    results = [f"metrics.`{name}`" for name in RESULTS]
    view = {
        "searchFilter": search,
        "orderByKey": f"metrics.`{VALIDATION_LOSS}`",
        "orderByAsc": True,
        "selectedColumns": [*settings, "attributes.`Duration`", *results],
    }
    client = mlflow.MlflowClient()
    client.set_experiment_tag(experiment, f"{SHARED_VIEW}{key}", json.dumps(view))
    return f"#/experiments/{experiment}/runs?{TRAINING}&viewStateShareKey={key}"
