"""The parent run of a sweep in MLflow."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import mlflow
from mlflow.entities import Run

from src.errors import InputError, without_credentials
from src.sweeps.job_fingerprint import job_fingerprint
from src.sweeps.setting_names import LONGEST_NAME
from src.sweeps.sweep_jobs import KEYS, START
from src.tracking.git_tags import git_tags
from src.tracking.processes import PROCESS, is_at_work, process_tags
from src.tracking.runs import flatten, parameters_of, settings_shown

# Tags of parent runs.
SWEEP, OVERRIDES = "sweep.fingerprint", "sweep.overrides"
BEST = "sweep.best"


def open_sweep(
    name: str,
    swept: Sequence[str],
    overrides: Sequence[str],
    jobs: Iterable[Mapping[str, Any]],
) -> str:
    """Open a parent run for a sweep in the connected experiment, or reopen the same sweep's.

    Two sweeps are the same if they have the same name, the same code and the same swept settings.
    All other settings that change a result must be equal too. Of a swept group, such as `augment`,
    those count that the user has given.

    Args:
        name: name of the sweep.
        swept: the dotted names of the settings that it varies.
        overrides: the overrides of the sweep as the user has written them.
        jobs: the nested settings of each job.

    Returns:
        The run id of the parent run.

    Raises:
        InputError: another process on this machine is running the same sweep.
    """
    shared = _shared(jobs)
    tags = {
        SWEEP: _fingerprint_of(name, swept, overrides, shared),
        KEYS: " ".join(swept),
        OVERRIDES: without_credentials(" ".join(overrides)),
        START: str(time.time_ns()),
        **process_tags(),
        **git_tags(),
    }
    client = mlflow.MlflowClient()
    known = mlflow.search_runs(
        filter_string=f"tags.`{SWEEP}` = '{tags[SWEEP]}'", max_results=1, output_format="list"
    )
    if known:
        _refuse_while_at_work(known[0])
        parent = known[0].info.run_id
        for key, value in tags.items():
            client.set_tag(parent, key, value)
        if "error" in known[0].data.tags:
            client.delete_tag(parent, "error")
        client.update_run(parent, status="RUNNING")
        return parent
    with mlflow.start_run(run_name=name[:LONGEST_NAME], tags=tags) as run:
        mlflow.log_params(parameters_of(settings_shown(shared)))
    client.update_run(run.info.run_id, status="RUNNING")
    return run.info.run_id


def _fingerprint_of(
    name: str, swept: Sequence[str], overrides: Sequence[str], shared: Mapping[str, Any]
) -> str:
    # More values of a group may vary more of its settings.
    groups = tuple(f"{key}." for key in swept)
    apart = {key: value for key, value in shared.items() if not key.startswith(groups)}
    names = {one: one.lstrip("+").partition("=")[0] for one in overrides}
    given = sorted(one for one, key in names.items() if key.startswith(groups) and key not in swept)
    return job_fingerprint({"sweep": [name, sorted(swept), given], **apart})


def latest_sweep() -> Run | None:
    """Return the parent run of the connected experiment's latest sweep with a result, or None."""
    found = mlflow.search_runs(
        filter_string=f"tags.`{BEST}` != ''",
        order_by=[f"tags.`{START}` DESC", "attributes.start_time DESC"],
        max_results=1,
        output_format="list",
    )
    return found[0] if found else None


def _refuse_while_at_work(parent: Run) -> None:
    if is_at_work(parent):
        process = parent.data.tags[PROCESS].split()[0]
        raise InputError(
            f"the same sweep is already running, as process {process} on this machine "
            f"(run {parent.info.run_id}): wait until it ends, or give this sweep another name with "
            "tracking.run_name=…"
        )


def _shared(jobs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings, by dotted name, that are equal in all jobs."""
    first, *others = [flatten(settings) for settings in jobs]
    absent = object()
    return {
        key: value
        for key, value in first.items()
        if all(other.get(key, absent) == value for other in others)
    }
