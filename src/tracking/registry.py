"""The model registry: versions of one registered model, and the aliases that point to them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import mlflow
from filelock import FileLock
from mlflow.entities.model_registry import ModelVersion

CHAMPION, PREVIOUS = "champion", "previous"


def aliased(name: str) -> dict[str, ModelVersion]:
    """By alias the versions of the registered model; none where it does not exist."""
    client = mlflow.MlflowClient()
    found = client.search_registered_models(f"name = '{name}'")
    return {
        alias: client.get_model_version(name, version)
        for model in found
        for alias, version in model.aliases.items()
    }


def point(alias: str, version: ModelVersion) -> None:
    """Let the alias point to this version from now on."""
    mlflow.MlflowClient().set_registered_model_alias(version.name, alias, version.version)


def tag(version: ModelVersion, tags: Mapping[str, object]) -> None:
    client = mlflow.MlflowClient()
    for key, value in tags.items():
        client.set_model_version_tag(version.name, version.version, key, str(value))


def promoting() -> AbstractContextManager[object]:
    """Held by the one process that decides and moves aliases, where the registry is sqlite.

    A server has no such lock.
    """
    uri = mlflow.get_registry_uri()
    if not uri.startswith("sqlite:///"):
        return nullcontext()
    file = Path(uri.removeprefix("sqlite:///"))
    return FileLock(file.with_name(f".{file.name}.promotion.lock"))
