"""Where a classifier comes from, and the decision that its training made."""

from pathlib import Path

import mlflow
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from src.errors import InputError
from src.model.decision import DECISION, Decision, read_decision
from src.tracking.logged_models import find_model, kind_of
from src.tracking.run_reading import run_named


def origin(model: str) -> dict[str, str]:
    """What is on record about a model that `load_classifier` has loaded.

    Args:
        model: as given to `load_classifier`.

    Returns:
        `version` in the registry, `run` and its `commit`, as far as known.
    """
    found: dict[str, str] = {}
    if kind_of(model) == "registry" and (version := _registered_version(model)):
        found["version"] = version
    run = _run_of(model)
    if run is None:
        return found
    found["run"] = run.info.run_id
    if commit := run.data.tags.get("git.commit"):
        found["commit"] = commit[:12]
    return found


def decision_of(model: str) -> Decision | None:
    """The decision that a model's training made; None where there is none.

    Args:
        model: as given to `load_classifier`. Of a file it is the decision.json beside it.

    Raises:
        InputError: there is one that can't be read.
    """
    if kind_of(model) == "file":
        beside = find_model(model).with_name(DECISION)
        return read_decision(beside) if beside.exists() else None
    run = _run_of(model)
    return decision_of_run(run) if run else None


def decision_of_run(run: Run) -> Decision | None:
    """The decision that a run has logged; None for a run of an older version of this code.

    Raises:
        InputError: there is one that can't be read.
    """
    run_id = run.info.run_id
    try:
        logged = mlflow.MlflowClient().list_artifacts(run_id)
        if DECISION not in {file.path for file in logged}:
            return None
        path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=DECISION)
    except (MlflowException, OSError) as error:
        raise InputError(f"run {run_id}: its {DECISION} can't be fetched: {error}") from error
    return read_decision(Path(path))


def _run_of(model: str) -> Run | None:
    match kind_of(model):
        case "run":
            return run_named(model)
        case "file":
            return None
    client = mlflow.MlflowClient()
    name, alias, version = _parts(model)
    if alias:
        run_id = client.get_model_version_by_alias(name, alias).run_id
    elif version:
        run_id = client.get_model_version(name, version).run_id
    else:
        run_id = client.get_logged_model(name).source_run_id
    return mlflow.get_run(run_id) if run_id else None


def _registered_version(model: str) -> str | None:
    client = mlflow.MlflowClient()
    name, alias, version = _parts(model)
    return str(client.get_model_version_by_alias(name, alias).version) if alias else version or None


def _parts(model: str) -> tuple[str, str, str]:
    """Name, alias and version of models:/NAME@ALIAS or models:/NAME/VERSION."""
    name, _, alias = model.removeprefix("models:/").partition("@")
    name, _, version = name.partition("/")
    return name, alias, version
