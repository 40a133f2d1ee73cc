"""A view of MLflow's UI for a sweep: a table of its runs with the swept settings as columns."""

import json
from collections.abc import Iterable

import mlflow
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

# MLflow's UI stores a view shared with its button "Share" in an experiment tag with this prefix.
# The URL names the view as viewStateShareKey (MLflow 3.17, ExperimentPage).
SHARED_VIEW = "mlflow.sharedViewState."
LOSS = "metrics.`best.validation.loss`"
COLUMNS = (
    "attributes.`Duration`",
    LOSS,
    "metrics.`best.test.errors`",
    "metrics.`best.test.accuracy`",
)


def share_view(parent: str, swept: Iterable[str]) -> str:
    """Store a view of a sweep's child runs, with the swept settings and the results as columns.

    Args:
        parent: run id of the sweep's parent run.
        swept: the columns of the swept settings, as in "params.`model.dropout`".

    Returns:
        The part of the view's URL that starts with `#`.
    """
    view = {
        "searchFilter": f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'",
        "orderByKey": LOSS,
        "orderByAsc": True,
        "selectedColumns": [*swept, *COLUMNS],
    }
    client = mlflow.MlflowClient()
    experiment = client.get_run(parent).info.experiment_id
    client.set_experiment_tag(experiment, f"{SHARED_VIEW}{parent}", json.dumps(view))
    return f"#/experiments/{experiment}/runs?viewStateShareKey={parent}"
