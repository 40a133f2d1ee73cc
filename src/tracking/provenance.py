"""The origin of a classifier, and the decision that its training run has made."""

import mlflow
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from pydantic import ValidationError

from src.errors import InputError
from src.model.decision import DECISION, Decision, read_decision
from src.tracking.logged_files import logged_file
from src.tracking.logged_models import find_model, kind_of, model_info
from src.tracking.run_reading import run_named


def origin(model: str) -> dict[str, str]:
    """Return where a model comes from.

    Args:
        model: see `load_classifier`.

    Returns:
        A dictionary of what is known. `version` is the version in the registry, and `run` the id
        of the training run. `commit` holds the first 12 digits of the run's git commit.
    """
    found: dict[str, str] = {}
    if kind_of(model) == "registry" and (version := _registered_version(model)):
        found["version"] = version
    run = run_of(model)
    if run is None:
        return found
    found["run"] = run.info.run_id
    if commit := run.data.tags.get("git.commit"):
        found["commit"] = commit[:12]
    return found


def decision_of(model: str) -> Decision | None:
    """Return the decision of a model, or None if there is none.

    Args:
        model: see `load_classifier`. The decision of a file is the decision.json in its folder. A
            registered version has the decision that it was promoted with. That of a run may have
            changed since, by another evaluation.

    Raises:
        InputError: the decision cannot be read.
    """
    if kind_of(model) == "file":
        beside = find_model(model).with_name(DECISION)
        return read_decision(beside) if beside.exists() else None
    if kind_of(model) == "registry" and (packaged := _packaged_decision(model)):
        return packaged
    run = run_of(model)
    return decision_of_run(run) if run else None


def _packaged_decision(model: str) -> Decision | None:
    try:
        flavors = model_info(model).flavors
        content = flavors["python_function"]["config"]["decision"]
        return Decision.model_validate(content)
    except (MlflowException, OSError, KeyError, ValidationError):
        # A model that a run has logged has none, and neither has a version of an older package.
        return None


def decision_of_run(run: Run) -> Decision | None:
    """Return the decision that a run has logged, or None if there is none.

    Runs of an older version of this code have no decision.

    Raises:
        InputError: the decision cannot be read.
    """
    run_id = run.info.run_id
    try:
        logged = mlflow.MlflowClient().list_artifacts(run_id)
        if DECISION not in {file.path for file in logged}:
            return None
    except (MlflowException, OSError) as error:
        raise InputError(f"run {run_id}: its files can't be listed: {error}") from error
    with logged_file(run, DECISION) as path:
        return read_decision(path)


def run_of(model: str) -> Run | None:
    """Return the training run of a model, or None for a file.

    Args:
        model: see `load_classifier`.

    Raises:
        InputError: there is no such model, or its run is not there any more.
    """
    match kind_of(model):
        case "run":
            return run_named(model)
        case "file":
            return None
    client = mlflow.MlflowClient()
    name, alias, version = _parts(model)
    try:
        if alias:
            run_id = client.get_model_version_by_alias(name, alias).run_id
        elif version:
            run_id = client.get_model_version(name, version).run_id
        else:
            run_id = client.get_logged_model(name).source_run_id
        return mlflow.get_run(run_id) if run_id else None
    except MlflowException as error:
        raise InputError(
            f"{model}: it or its run, which has the decision, is not there: {error.message}; "
            "promote or name another run"
        ) from error


def _registered_version(model: str) -> str | None:
    client = mlflow.MlflowClient()
    name, alias, version = _parts(model)
    return str(client.get_model_version_by_alias(name, alias).version) if alias else version or None


def _parts(model: str) -> tuple[str, str, str]:
    """Split models:/NAME@ALIAS or models:/NAME/VERSION into name, alias and version.

    Raises:
        InputError: the version is no number.
    """
    name, _, alias = model.removeprefix("models:/").partition("@")
    name, _, version = name.partition("/")
    if version and not version.isdecimal():
        raise InputError(f"{model}: name a version by its number, or an alias as in NAME@ALIAS")
    return name, alias, version
