"""A sweep in MLflow: one parent run, and a child run for each job, named by its swept settings."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mlflow
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from src.errors import InputError, without_credentials
from src.sweeps.job_fingerprint import job_fingerprint
from src.tracking.processes import PROCESS, is_at_work, process_tags
from src.tracking.runs import flatten, git_tags, settings_shown

# SWEEP, KEYS, OVERRIDES and BEST are tags of parent runs. FINGERPRINT and the tags that begin with
# VALUE belong to child runs.
SWEEP, KEYS, OVERRIDES = "sweep.fingerprint", "sweep.keys", "sweep.overrides"
BEST = "sweep.best"
FINGERPRINT, VALUE = "config.fingerprint", "sweep.value."
# Tag of parent and child runs: when the sweep was last started, in nanoseconds since 1970.
START = "sweep.start"
# Short names of settings in the names of runs. Other settings use the last part of their key.
SHORT = {"model.frozen_layers": "frozen", "train.learning_rate": "lr"}
LONGEST_NAME = 250
# Values by swept setting. Numbers are compared as numbers, so that 0 and 0.0 are equal.
Values = dict[str, float | str]


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        name: name of the child run. Its numbers are rounded, so two jobs may have the same name.
        values: the swept settings as they were given, not rounded.
        fingerprint: see `job_fingerprint`.
        start: start of the sweep, in nanoseconds since 1970.
    """

    name: str
    values: dict[str, str]
    fingerprint: str
    start: str

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the child run, with which it is found again."""
        values = {f"{VALUE}{key}": value for key, value in self.values.items()}
        return {FINGERPRINT: self.fingerprint, START: self.start, **values}


def short_names(keys: Collection[str]) -> dict[str, str]:
    """Return the settings' short names by key, or the full key where two short names are equal."""
    short = {key: SHORT.get(key, key.rpartition(".")[2]) for key in keys}
    taken = Counter(short.values())
    return {key: name if taken[name] == 1 else key for key, name in short.items()}


def named(values: Mapping[str, object]) -> str:
    """Return a name for the values of some settings, as in `frozen=143 dropout=0.3`.

    Long fractions are rounded to three digits.
    """
    names = short_names(values)
    parts = (f"{names[key]}={_readable(str(value))}" for key, value in values.items())
    return " ".join(parts)[:LONGEST_NAME]


def open_sweep(
    name: str,
    swept: Sequence[str],
    overrides: Sequence[str],
    jobs: Iterable[Mapping[str, Any]],
) -> str:
    """Open a parent run for a sweep in the connected experiment, or reopen the same sweep's.

    Two sweeps are the same if they have the same name, the same code and the same swept settings.
    All other settings that change a result must be equal too.

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
        SWEEP: job_fingerprint({"sweep": [name, sorted(swept)], **shared}),
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
        mlflow.log_params(settings_shown(shared))
    client.update_run(run.info.run_id, status="RUNNING")
    return run.info.run_id


def job_of(parent: str, overrides: Sequence[str], settings: Mapping[str, Any]) -> Job:
    """Make the `Job` of a configuration in a sweep.

    Args:
        parent: run id of the sweep's parent run.
        overrides: the job's overrides, as `key=value`.
        settings: the job's nested settings.
    """
    tags = mlflow.get_run(parent).data.tags
    keys = tags[KEYS].split()
    values = swept_values(keys, overrides)
    return Job(named(values), values, job_fingerprint(flatten(settings), keys), tags[START])


def swept_values(keys: Iterable[str], overrides: Iterable[str]) -> dict[str, str]:
    """Return the values that a job's `key=value` overrides give to these keys, without quotes."""
    given = dict(override.lstrip("+").split("=", 1) for override in overrides if "=" in override)
    return {key: given[key].strip("'\"") for key in keys}


def reuse_finished(parent: str, job: Job) -> Run | None:
    """Find a finished child run of the same job, and make it part of the sweep's latest start.

    The swept values must be equal too. Two names of the same file, for example, are two jobs.

    Returns:
        The finished run, or None if the job must still run.
    """
    finished = mlflow.search_runs(
        filter_string=(
            f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}' and attributes.status = 'FINISHED' "
            f"and tags.`{FINGERPRINT}` = '{job.fingerprint}'"
        ),
        output_format="list",
    )
    same = [run for run in finished if values_of(run) == as_numbers(job.values)]
    for run in same[:1]:
        mlflow.MlflowClient().set_tag(run.info.run_id, START, job.start)
    return same[0] if same else None


def values_of(run: Run) -> Values:
    """Return a child run's values of the swept settings."""
    tags = run.data.tags.items()
    return as_numbers({k.removeprefix(VALUE): v for k, v in tags if k.startswith(VALUE)})


def as_numbers(values: Mapping[str, str]) -> Values:
    """Convert values that are numbers from text to numbers, to make values comparable."""
    return {key: _number(value) for key, value in values.items()}


def _number(value: str) -> float | str:
    # Integers are tried first, because different long seeds can be equal as floats.
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


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


def _readable(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return value
    return value if len(value) <= 6 or number.is_integer() else f"{number:.3g}"
