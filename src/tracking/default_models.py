"""The model that is used where the user names none."""

from collections.abc import Sequence

import mlflow
from mlflow.exceptions import MlflowException

from src.config.loader import ROOT
from src.errors import InputError
from src.tracking import runs
from src.tracking.logged_models import kind_of


def first_existing(models: Sequence[str], uri: str | None, experiment: str) -> str:
    """Return the first of several models that exists.

    Args:
        models: models as `load_classifier` takes them. Paths are relative to the project's folder.
            An address models:/NAME@ALIAS exists if the registry has a model of that alias. Other
            models of the server are taken to exist.
        uri: see `src.tracking.runs.connect`.
        experiment: see `src.tracking.runs.connect`.

    Returns:
        The model. A path is absolute.

    Raises:
        InputError: none of them exists, or the server cannot be reached.
    """
    for model in models:
        if kind_of(model) == "file":
            if (ROOT / model).is_file():
                return str(ROOT / model)
            continue
        runs.connect(uri, experiment)
        name, _, alias = model.removeprefix("models:/").partition("@")
        if not alias or _has_alias(name, alias):
            return model
    raise InputError(
        f"there is no model yet: neither of {', '.join(models)} exists; "
        "`python -m src.promote RUN` makes a run's model the champion, and model=RUN uses it once"
    )


def _has_alias(name: str, alias: str) -> bool:
    try:
        found = mlflow.MlflowClient().search_registered_models(f"name = '{name}'")
    except MlflowException as error:
        raise InputError(f"the model registry can't be searched for {name}: {error}") from error
    return any(alias in model.aliases for model in found)
