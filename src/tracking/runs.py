"""MLflow runs: the connection to their store, and what is logged in each run."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pandas as pd
import yaml
from mlflow.data.pandas_dataset import from_pandas
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

from src.errors import InputError, without_credentials
from src.statistics.run_metrics import main_metrics
from src.tracking.git_tags import git_tags
from src.tracking.interrupts import interrupts_wait_for_the_database
from src.tracking.logged_files import log_file, logged_file
from src.tracking.processes import close_abandoned_models, close_abandoned_runs, process_tags
from src.tracking.server_access import impatient, with_login_set_apart
from src.tracking.store import (
    ARTIFACTS,
    DATABASE_ERRORS,
    follow_move,
    opening,
    sqlite_file,
    sqlite_uri,
    unusable,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STORE = Path("mlruns")
# The metric by which runs are ranked.
VALIDATION_LOSS = "best.validation.loss"
# Artifact with all metrics by part and name.
METRICS = "metrics.json"
# The settings, or whole sections, that MLflow's pages show. A user chooses them, and they decide a
# result. config.yaml has all settings.
PARAMETERS = (
    *("augment", "data.name", "decision", "features.precision", "features.views"),
    *("model.backbone", "model.dropout", "model.frozen_layers", "model.weights"),
    *("seed", "split", "train"),
)
# Settings within these sections that only say where files are.
_PLACES = ("split.manifest", "train.output")


def connect(uri: str | None, experiment: str) -> None:
    """Connect to the tracking server and choose the experiment.

    A missing experiment is created, and so is a missing sqlite database.

    Open runs and incomplete models are closed if their process on this machine has ended.

    Args:
        uri: a tracking URI. None means MLFLOW_TRACKING_URI if it is set, else a sqlite database in
            mlruns/ with the artifacts beside it.
        experiment: name of the experiment.

    Raises:
        InputError: the server does not answer or refuses, or the database cannot be used.
    """
    interrupts_wait_for_the_database()
    uri, artifacts = uri or os.environ.get("MLFLOW_TRACKING_URI"), None
    if not uri:
        # The path is resolved, because several paths may lead to the same folder.
        artifacts = STORE.resolve() / ARTIFACTS
        uri = sqlite_uri(artifacts.with_name("mlflow.db"))
    uri = with_login_set_apart(uri)
    mlflow.set_tracking_uri(uri)
    # Without this, MLflow shows two progress bars for each small file that is read.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    file = sqlite_file(uri)
    with opening(uri):
        if file and (corrected := follow_move(file)):
            print(
                f"{file.parent} was moved or copied here: {corrected} locations of artifacts were "
                "corrected in its database"
            )
        try:
            with impatient():
                known = mlflow.get_experiment_by_name(experiment)
            if known is None:
                _make_experiment(experiment, artifacts.as_uri() if artifacts else None)
            chosen = mlflow.set_experiment(experiment)
        except DATABASE_ERRORS as error:
            raise InputError(unusable(file, error) if file else f"{uri}: {error}") from error
        except MlflowException as error:
            raise InputError(
                f"can't track runs at {uri} (tracking.uri, else MLFLOW_TRACKING_URI, else a file "
                f"in mlruns/): {_reason(error)}"
            ) from error
    close_abandoned_runs()
    close_abandoned_models(chosen.experiment_id)


def _reason(error: MlflowException) -> str:
    """Return why an address can't be used, without the words of the libraries behind MLflow."""
    if "Max retries exceeded" in str(error):
        return "no server answers there"
    if "unsupported URI" in str(error):
        return "an address is http://HOST:PORT, or sqlite:///FILE for a database"
    return str(error)


def _make_experiment(name: str, artifacts: str | None) -> None:
    try:
        mlflow.create_experiment(name, artifact_location=artifacts)
    except MlflowException as error:
        # Another process may have created the experiment meanwhile, which is not an error.
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


@contextmanager
def tracked_run(
    name: str | None,
    settings: Mapping[str, Any],
    *,
    system_metrics: bool,
    parent: str | None = None,
    tags: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[str]:
    """Start a run, log the main settings as parameters and all as config.yaml, and yield its id.

    If the body raises an exception, the run gets the status FAILED and the tag `error`.

    Args:
        name: name of the run; None lets MLflow choose one.
        settings: the nested settings. Those of `PARAMETERS` become parameters.
        system_metrics: whether MLflow logs the use of processor and memory.
        parent: id of the parent run, or None.
        tags: further tags, in addition to those of the process and the commit.
        log: a file with what libraries say. It is logged at the end of the run as log.txt.
    """
    run = mlflow.start_run(
        run_name=name,
        parent_run_id=parent,
        tags={**process_tags(), **git_tags(), **(tags or {})},
        log_system_metrics=system_metrics,
    )
    try:
        shown = settings_shown(settings)
        mlflow.log_params(parameters_of(flatten(shown)))
        log_file(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), "config.yaml")
        yield run.info.run_id
    except BaseException as error:
        text = without_credentials(f"{type(error).__name__}: {error}")
        # A server that has ended must not replace the error by its own.
        with suppress(MlflowException):
            mlflow.set_tag("error", text)
            _log_text_of(log)
        with suppress(MlflowException):
            mlflow.end_run("FAILED")
        raise
    try:
        _log_text_of(log)
    finally:
        mlflow.end_run()


def _log_text_of(log: Path | None) -> None:
    if log is None:
        return
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:  # somebody has deleted the logs meanwhile, with `make clean` for example
        return
    mlflow.log_text(text, "log.txt")


def settings_shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings without the passwords in addresses, to store and show them."""

    def shown(value: Any) -> Any:
        match value:
            case str():
                return without_credentials(value)
            case list():
                return [shown(one) for one in value]
            case Mapping():
                return settings_shown(value)
        return value

    return {key: shown(value) for key, value in settings.items()}


def parameters_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings, by dotted name, that MLflow's pages show; see `PARAMETERS`.

    Settings without a value are left out.
    """

    def shown(key: str) -> bool:
        return any(key == name or key.startswith(f"{name}.") for name in PARAMETERS)

    return {
        key: value
        for key, value in settings.items()
        if shown(key) and key not in _PLACES and value not in (None, [])
    }


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as one level of dotted names.

    Args:
        settings: the nested settings.
        prefix: text that begins each name.
    """
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        flat |= flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def log_dataset(
    manifest: pd.DataFrame, *, name: str, source: str, fingerprints: Mapping[str, str]
) -> None:
    """Log the manifest's parts as the run's inputs.

    Args:
        manifest: table with `path`, `label` and `part`.
        name: name of the dataset.
        source: folder of its images.
        fingerprints: the fingerprint of each part's images.
    """
    for part, rows in manifest.groupby("part", sort=False):
        # MLflow takes inputs of one name and digest for one dataset, so each part has its own.
        digest = fingerprints[str(part)][:32]
        dataset = from_pandas(
            rows, source=source, targets="label", name=f"{name}-{part}", digest=digest
        )
        mlflow.log_input(dataset, context=str(part))


def log_metrics_of_parts(metrics: Mapping[str, Mapping[str, float]]) -> None:
    """Log all metrics as metrics.json, and the main ones as `best.<part>.<metric>`.

    They are the metrics of the best epoch's weights.

    Args:
        metrics: the metrics by part and name.
    """
    every = {part: dict(values) for part, values in metrics.items()}
    log_file(json.dumps(every, indent=2) + "\n", METRICS)
    main = main_metrics(metrics)
    mlflow.log_metrics({f"best.{p}.{name}": v for p, m in main.items() for name, v in m.items()})


def metrics_of_parts(run_id: str) -> dict[str, dict[str, float]]:
    """Return the metrics by part and name that `log_metrics_of_parts` has logged in a run."""
    with logged_file(mlflow.get_run(run_id), METRICS) as path:
        metrics: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return metrics


def log_predictions(predictions: pd.DataFrame) -> None:
    """Log the prediction table, and its test part as a table for MLflow's web pages."""
    log_file(predictions.to_csv(index=False), "predictions.csv")
    test = predictions[predictions.part == "test"].sort_values("loss", ascending=False)
    # MLflow's page compares runs by the second column.
    first = ["path", "probability"]
    columns = [*first, *test.columns.drop([*first, "part"])]
    # mlflow.log_table would add the rows to those of an earlier evaluation of the run.
    table = test[columns].to_json(orient="split", index=False)
    mlflow.log_text(table, "test_predictions.json")
    shown = [{"path": "test_predictions.json", "type": "table"}]
    mlflow.set_tag(MLFLOW_LOGGED_ARTIFACTS, json.dumps(shown))


def log_figure(figure: "Figure", name: str) -> None:
    """Log a figure as figures/NAME.png, where NAME is `name`."""
    # The highest compression saves a seventh of the size, but it takes as long as drawing.
    fast = {"pil_kwargs": {"compress_level": 1}}
    mlflow.log_figure(figure, f"figures/{name}.png", save_kwargs=fast)
