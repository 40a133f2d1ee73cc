"""Where a classifier that was named by run or registry comes from."""

import mlflow

from src.tracking.logged_models import kind_of
from src.tracking.run_reading import run_named

# As a training run logs it.
TEMPERATURE = "best.calibration.temperature"


def origin(model: str) -> tuple[dict[str, str], float | None]:
    """What is on record about a model that `load_classifier` has loaded.

    Args:
        model: as given to `load_classifier`.

    Returns:
        `version` in the registry, `run` and its `commit`, as far as known; and the temperature by
        which its run was calibrated, or None.
    """
    found: dict[str, str] = {}
    run = None
    kind = kind_of(model)
    if kind == "registry":
        name, _, alias = model.removeprefix("models:/").partition("@")
        name, _, version = name.partition("/")
        run_id = _run_of(name, alias, version, found)
        run = mlflow.get_run(run_id) if run_id else None
    elif kind == "run":
        run = run_named(model)
    if run is None:
        return found, None
    found["run"] = run.info.run_id
    if commit := run.data.tags.get("git.commit"):
        found["commit"] = commit[:12]
    return found, run.data.metrics.get(TEMPERATURE)


def _run_of(name: str, alias: str, version: str, found: dict[str, str]) -> str | None:
    client = mlflow.MlflowClient()
    if not alias and not version:
        return str(client.get_logged_model(name).source_run_id or "") or None
    entry = (
        client.get_model_version_by_alias(name, alias)
        if alias
        else client.get_model_version(name, version)
    )
    found["version"] = str(entry.version)
    return str(entry.run_id or "") or None
