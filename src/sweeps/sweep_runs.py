"""A sweep as MLflow keeps it: one parent run, and one child a job, named by what varies."""

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

# Tags of the parent, and of a child.
SWEEP, KEYS, OVERRIDES = "sweep.fingerprint", "sweep.keys", "sweep.overrides"
BEST = "sweep.best"
FINGERPRINT, VALUE = "config.fingerprint", "sweep.value."
# Of both: the start of the sweep that they last had a part in, in nanoseconds since 1970.
START = "sweep.start"
# In the names of runs; any other setting goes by the last part of its key.
SHORT = {"model.frozen_layers": "frozen", "train.learning_rate": "lr"}
LONGEST_NAME = 250
# By swept setting, numbers as such: 0 and 0.0 are the same.
Values = dict[str, float | str]


@dataclass(frozen=True)
class Job:
    """What a sweep makes of one of its jobs: the child run's name, and what it is known by.

    Two jobs may have the same name, as it is rounded; `values` are as they were given.
    """

    name: str
    values: dict[str, str]
    fingerprint: str
    start: str

    @property
    def tags(self) -> dict[str, str]:
        """The child's, by which it is found and reported."""
        values = {f"{VALUE}{key}": value for key, value in self.values.items()}
        return {FINGERPRINT: self.fingerprint, START: self.start, **values}


def short_names(keys: Collection[str]) -> dict[str, str]:
    """What settings are called in the names of runs and figures; in full where two would agree."""
    short = {key: SHORT.get(key, key.rpartition(".")[2]) for key in keys}
    taken = Counter(short.values())
    return {key: name if taken[name] == 1 else key for key, name in short.items()}


def named(values: Mapping[str, object]) -> str:
    """`frozen=143 dropout=0.3` for the values of some settings, long fractions to three digits."""
    names = short_names(values)
    parts = (f"{names[key]}={_readable(str(value))}" for key, value in values.items())
    return " ".join(parts)[:LONGEST_NAME]


def open_sweep(
    name: str,
    swept: Sequence[str],
    overrides: Sequence[str],
    jobs: Iterable[Mapping[str, Any]],
) -> str:
    """Open the sweep's parent run in the experiment that is connected, or the same sweep's again.

    Two sweeps are the same if they have the same name, vary the same settings, and agree in the
    code and in all settings that decide a result and that none of their jobs changes.

    Args:
        name: of the sweep.
        swept: the dotted names of the settings that it varies.
        overrides: as they were given.
        jobs: each job's nested settings.

    Returns:
        The parent's run id.

    Raises:
        InputError: another process of this machine is at the same sweep.
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
    """The job that these `key=value` overrides and nested settings are in the parent's sweep."""
    tags = mlflow.get_run(parent).data.tags
    keys = tags[KEYS].split()
    values = swept_values(keys, overrides)
    return Job(named(values), values, job_fingerprint(flatten(settings), keys), tags[START])


def swept_values(keys: Iterable[str], overrides: Iterable[str]) -> dict[str, str]:
    """What a job's `key=value` overrides give to these settings, without quotes."""
    given = dict(override.lstrip("+").split("=", 1) for override in overrides if "=" in override)
    return {key: given[key].strip("'\"") for key in keys}


def reuse_finished(parent: str, job: Job) -> Run | None:
    """The child of an earlier start of the sweep that has done the job, now a part of this one.

    One of the same settings under another swept value, a file's other name, is another job's.
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
    """What a child has for the swept settings."""
    tags = run.data.tags.items()
    return as_numbers({k.removeprefix(VALUE): v for k, v in tags if k.startswith(VALUE)})


def as_numbers(values: Mapping[str, str]) -> Values:
    """Values as they were given, made comparable."""
    return {key: _number(value) for key, value in values.items()}


def _number(value: str) -> float | str:
    # By float alone, long seeds that differ would be the same.
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def latest_sweep() -> Run | None:
    """The parent run of the connected experiment's latest sweep that has a result, if any has."""
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
            f"the same sweep is running, as process {process} on this machine "
            f"(run {parent.info.run_id}): let it end, or give this one a name of its own, "
            "tracking.run_name=…"
        )


def _shared(jobs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The flat settings that are the same in all jobs."""
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
