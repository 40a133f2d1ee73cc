"""The jobs of a sweep: what identifies a job, and the run of an earlier start that has done it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mlflow
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from src.sweeps.job_fingerprint import job_fingerprint
from src.sweeps.setting_names import named
from src.tracking.runs import flatten

# Tags of child runs; VALUE is the beginning of one for each swept setting.
FINGERPRINT, VALUE = "config.fingerprint", "sweep.value."
# Tag of parent runs: the swept settings.
KEYS = "sweep.keys"
# Tag of parent and child runs: when the sweep was last started, in nanoseconds since 1970.
START = "sweep.start"
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
