"""The model that judges photos: the one that the user names, or else a default one.

Its decision turns its outputs into verdicts.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from src.config.loader import ROOT
from src.config.tool_schema import ModelInUse
from src.errors import InputError
from src.model.decision import Decision, undecided
from src.tracking import runs
from src.tracking.logged_models import kind_of
from src.tracking.provenance import decision_of


def model_in_use(config: ModelInUse) -> str:
    """Return the model that the user has named, or else the first default model that exists.

    A server that has to be asked for the model stays connected.

    Args:
        config: the model, and the default models. Those are named as `load_classifier` takes them.
            Paths are relative to the project's folder. An address models:/NAME@ALIAS exists if the
            registry has a model of that alias. Other models of the server are taken to exist.

    Returns:
        The model. The path of a default model is absolute.

    Raises:
        InputError: none of them exists, or the server cannot be reached.
    """
    server = config.tracking
    if config.model:
        if kind_of(config.model) != "file":
            runs.connect(server.uri, server.experiment)
        return config.model
    for model in config.default_models:
        if kind_of(model) == "file":
            if (ROOT / model).is_file():
                return str(ROOT / model)
            continue
        runs.connect(server.uri, server.experiment)
        name, _, alias = model.removeprefix("models:/").partition("@")
        if not alias or _has_alias(name, alias):
            return model
    raise InputError(
        f"there is no model yet: neither of {', '.join(config.default_models)} exists; "
        "`python -m src.promote RUN` makes a run's model the champion, and model=RUN uses it once"
    )


def project_model(default_models: Iterable[str]) -> Path | None:
    """Return the file of the model that comes with the project, if it is there.

    Args:
        default_models: see `model_in_use`.
    """
    files = [ROOT / model for model in default_models if kind_of(model) == "file"]
    return next((file for file in files if file.is_file()), None)


def decision_in_use(model: str, weights: Callable[[], str]) -> Decision:
    """Return the decision of a model. For a model without one, say so and return the standard one.

    Args:
        model: see `load_classifier`.
        weights: function that returns the checksum of the model's weights; it may take seconds.

    Raises:
        InputError: the decision cannot be read.
    """
    decision = decision_of(model)
    if decision is None:
        print(
            f"{model} has no decision.json beside it, so its probabilities are not calibrated and "
            "the threshold is 0.5; name the run instead to have both"
        )
        from src.bank.engine import chosen_engine

        return undecided(weights(), *chosen_engine("auto", "f32"))
    return decision


def _has_alias(name: str, alias: str) -> bool:
    try:
        found = mlflow.MlflowClient().search_registered_models(f"name = '{name}'")
    except MlflowException as error:
        raise InputError(f"the model registry can't be searched for {name}: {error}") from error
    return any(alias in model.aliases for model in found)
