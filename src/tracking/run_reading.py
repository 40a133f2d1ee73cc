"""What tracked runs have left: read back by their ids."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import yaml
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from src.errors import InputError
from src.statistics.metrics import COMPARED, read_predictions

# As a training run tags itself.
DATASET = "dataset.fingerprint"


def run_named(name: str) -> Run:
    """The run with this id, or the one run of all experiments whose id starts with `name`.

    Raises:
        InputError: there is none, or several.
    """
    try:
        return mlflow.get_run(name)
    except MlflowException:
        # Not a whole id.
        every = mlflow.search_runs(search_all_experiments=True, output_format="list")
    found = [run for run in every if run.info.run_id.startswith(name)]
    if len(found) != 1:
        which = "no run" if not found else f"{len(found)} runs"
        raise InputError(
            f"{which} at {mlflow.get_tracking_uri()} with an id that starts with {name}; "
            "`make ui` shows each run's id on its page"
        )
    return found[0]


def predictions_of(run: Run) -> pd.DataFrame:
    """The run's prediction table, of validation and test.

    Raises:
        InputError: the run has none, as one that failed, or one of an older version of this code.
    """
    try:
        path = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path="predictions.csv"
        )
    except (MlflowException, OSError) as error:
        raise InputError(
            f"run {run.info.run_id} ({run.info.run_name}, {run.info.status}) has no predictions.csv"
        ) from error
    return read_predictions(Path(path), COMPARED)


def images_of(runs: Iterable[Run]) -> dict[str, str]:
    """By each fingerprint of images that the runs tell, the id of a run that had them.

    Paths and labels say too little: drawn images of two seeds have the same.
    """
    return {run.data.tags[DATASET]: run.info.run_id for run in runs if DATASET in run.data.tags}


def check_same_images(runs: Iterable[Run]) -> None:
    """Refuse to take images for the same that only share their names; see `images_of`.

    Raises:
        InputError: two of the runs had different images.
    """
    known = images_of(runs)
    if len(known) > 1:
        raise InputError(
            f"runs {' and '.join(known.values())} had different images ({DATASET}); "
            "train one with the data of the other"
        )


def config_of(run_id: str) -> dict[str, Any]:
    """What the run was composed of."""
    text = mlflow.artifacts.load_text(f"runs:/{run_id}/config.yaml")
    config: dict[str, Any] = yaml.safe_load(text)
    return config
