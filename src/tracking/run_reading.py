"""Reading tracked runs: finding them by their ids, and loading their predictions and settings."""

import shlex
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import mlflow
import pandas as pd
import yaml
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from src.config.loader import check_values
from src.config.schema import Evaluate
from src.errors import InputError, without_credentials
from src.statistics.metrics import read_predictions
from src.statistics.thresholds import Threshold
from src.tracking.logged_files import logged_file

# Tags of a training run: the fingerprints of its images and of its test images.
DATASET, TESTED = "dataset.fingerprint", "dataset.tested"


def run_named(name: str) -> Run:
    """Return the run with this id, or the only run whose id starts with `name`.

    Runs of all experiments are searched.

    Raises:
        InputError: no run matches, or several do. Or the run is deleted.
    """
    try:
        run = mlflow.get_run(name)
        if run.info.lifecycle_stage != "active":
            # Without the address, MLflow would look in a database of its own.
            server = shlex.quote(without_credentials(mlflow.get_tracking_uri()))
            raise InputError(
                f"run {name} is deleted: `MLFLOW_TRACKING_URI={server} mlflow runs restore "
                f"--run-id {name}` restores it"
            )
        return run
    except MlflowException:
        # `name` is not a complete id, so it may be the beginning of one.
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
    """Load a run's prediction table of the validation and test images.

    Raises:
        InputError: the run has no prediction table. It may have failed, or an older version of
            this code may have made it. It is also raised if the table has changed since.
    """
    with logged_file(run, "predictions.csv") as path:
        return read_predictions(path)


def images_of(runs: Iterable[Run]) -> dict[str, str]:
    """Return the fingerprints of the runs' images, each with the id of a run that used them.

    Paths and labels cannot identify images, because synthetic images of two seeds share them. Runs
    without a fingerprint are left out.
    """
    return {run.data.tags[DATASET]: run.info.run_id for run in runs if DATASET in run.data.tags}


def check_same_images(tried: Sequence[Sequence[Run]]) -> None:
    """Check that all runs used the same images, see `images_of`, or tested on the same images.

    Args:
        tried: the runs of each model. The folds of a cross-validation are several runs.

    Raises:
        InputError: two of the models used and tested different images.
    """
    known = images_of(chain.from_iterable(tried))
    # The run of a cross-validation names the test images of each fold.
    tested = (
        frozenset(" ".join(run.data.tags.get(TESTED, run.info.run_id) for run in one).split())
        for one in tried
    )
    same_test = len(set(tested)) == 1
    if len(known) > 1 and not same_test:
        raise InputError(
            f"runs {' and '.join(known.values())} had different images ({DATASET}); "
            "train one with the data of the other"
        )


def evaluate_settings(run_id: str) -> Evaluate:
    """Load the settings of a run's evaluation from its config.yaml.

    Raises:
        InputError: the run has no such file, the file is damaged, or a setting is not valid.
    """
    return check_values(Evaluate, config_of(run_id)["evaluate"])


def verdict_threshold(run_id: str) -> Threshold:
    """Load the setting `decision.threshold` of a run from its config.yaml.

    It is 0.5 for a run of an older version, which had no such setting.

    Raises:
        InputError: the run has no such file, or the file is damaged.
    """
    decision = config_of(run_id).get("decision") or {}
    return decision.get("threshold", 0.5)


def config_of(run_id: str) -> dict[str, Any]:
    """Load the settings of a run from its config.yaml.

    Raises:
        InputError: the run has no such file, or the file is damaged.
    """
    try:
        with logged_file(mlflow.get_run(run_id), "config.yaml") as path:
            config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError) as error:
        raise InputError(f"run {run_id}: config.yaml can't be read: {error}") from error
    if not isinstance(config, dict):
        raise InputError(f"run {run_id}: config.yaml holds no settings")
    return config
