"""Running jobs of this command by one of Hydra's launchers, here or on other machines."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from src.config import console
from src.config.loader import Schema, check_as
from src.errors import InputError, sentence_of

T = TypeVar("T")


def launched(
    run: Callable[[Schema], T], schema: type[Schema], jobs: Sequence[Sequence[str]]
) -> list[T]:
    """Run jobs with this command's settings by the launcher that these choose.

    It is called within a command of Hydra; see `src.config.command.entry_point_of`.

    Args:
        run: function of a job's checked configuration. Its result must be one that can be pickled.
        schema: the schema of the configuration.
        jobs: the overrides of each job, such as `shard=0`.

    Returns:
        The results in the order of the jobs.

    Raises:
        InputError: a job failed with an error that the user can correct, or a worker was lost.
    """
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    given = HydraConfig.get()
    overrides = [one for one in given.overrides.hydra if not one.startswith("hydra.mode=")]
    whole = hydra.compose_config(
        config_name=given.job.config_name,
        overrides=[*overrides, *given.overrides.task],
        run_mode=RunMode.MULTIRUN,
    )
    launcher = Plugins.instance().instantiate_launcher(
        config=whole,
        hydra_context=HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks()),
        task_function=partial(_job, run, schema),
    )
    try:
        ended = launcher.launch([[*given.overrides.task, *job] for job in jobs], initial_job_idx=0)
    # Each launcher has its own exceptions for a worker that was killed or could not start.
    except Exception as error:
        if sentence_of(error):
            raise
        problem = " ".join(str(error).split()).partition(". ")[0] or type(error).__name__
        raise InputError(
            f"a worker was lost: {problem}; start the same command again, and it goes on"
        ) from error
    failures = [job._return_value for job in ended if job.status is not JobStatus.COMPLETED]
    # An error that has a sentence tells the user more than one without.
    for failure in sorted(failures, key=lambda one: sentence_of(one) is None):
        raise failure
    return [job.return_value for job in ended]


def _job(run: Callable[[Schema], T], schema: type[Schema], composed: DictConfig) -> Any:
    console.divert_noise(HydraConfig.get().job.name)
    return run(check_as(schema, composed))
