"""The model registry: versions of one registered model, and the aliases that point to them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

import mlflow
from mlflow.entities.model_registry import ModelVersion

from src.tracking.processes import one_process

PREVIOUS = "previous"
# The description of the registered model.
ABOUT = (
    "Finds cracks in photos. `make app`, `src.predict` and `src.serve` use the version with the "
    "alias *champion*. `python -m src.promote RUN` adds a version."
)


def aliased(name: str) -> dict[str, ModelVersion]:
    """Return the versions of a registered model by alias; empty if the model does not exist."""
    found = mlflow.MlflowClient().search_registered_models(f"name = '{name}'")
    return {
        alias: version_of(name, version)
        for model in found
        for alias, version in model.aliases.items()
    }


def version_of(name: str, number: str) -> ModelVersion:
    """Return the version of a registered model with the given number."""
    return mlflow.MlflowClient().get_model_version(name, number)


def point(alias: str, version: ModelVersion) -> None:
    """Make the alias point to this version."""
    mlflow.MlflowClient().set_registered_model_alias(version.name, alias, version.version)


def tag(version: ModelVersion, tags: Mapping[str, object]) -> None:
    """Set the tags of a version; the value None removes a tag."""
    client = mlflow.MlflowClient()
    for key, value in tags.items():
        if value is not None:
            client.set_model_version_tag(version.name, version.version, key, str(value))
        elif key in version.tags:
            client.delete_model_version_tag(version.name, version.version, key)


def describe_version(version: ModelVersion, text: str) -> None:
    """Set the description of a version, and of its registered model if it has none, in Markdown."""
    client = mlflow.MlflowClient()
    client.update_model_version(version.name, version.version, text)
    if not client.get_registered_model(version.name).description:
        client.update_registered_model(version.name, ABOUT)


def promoting() -> AbstractContextManager[object]:
    """Return the lock that a process holds while it registers, decides and moves aliases.

    The lock has an effect only if the registry is an SQLite file.
    """
    return one_process(mlflow.get_registry_uri(), "promotion")
