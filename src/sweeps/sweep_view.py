"""The UI's table of runs as a sweep is best read: its children, and what varies as columns."""

import json
from collections.abc import Iterable

import mlflow
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

# What the UI keeps a view under that was shared by "Share", and its address names by
# viewStateShareKey (MLflow 3.17, ExperimentPage).
SHARED_VIEW = "mlflow.sharedViewState."
LOSS = "metrics.`best.validation.loss`"
COLUMNS = (
    "attributes.`Duration`",
    LOSS,
    "metrics.`best.test.errors`",
    "metrics.`best.test.accuracy`",
)


def share_view(parent: str, swept: Iterable[str]) -> str:
    """Keep a view of a sweep's children with its swept settings and their results as columns.

    Args:
        parent: the sweep's run id.
        swept: the columns of its swept settings, as in "params.`model.dropout`".

    Returns:
        The view's address within the UI, from the `#` on.
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
