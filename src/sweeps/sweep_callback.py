"""The Hydra callback that gives the jobs of a sweep a common parent run.

Every command creates the callback, so modules that are slow to import are imported where they are
needed.
"""

import atexit
import importlib.util
import json
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from types import FrameType
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from src.config.command import next_command
from src.config.console import announced, divert_noise, give_back_descriptor_2
from src.config.loader import check
from src.config.misspelt import composition_error
from src.config.schema import Config
from src.errors import InputError, without_secrets
from src.sweeps.job_checks import check_frozen_layers_of, refuse_useless
from src.sweeps.sweep_overrides import (
    each_value_once,
    overrides_by_key,
    refuse_no_sweep,
    swept_settings,
    values_of_override,
    without_secret_values,
)
from src.sweeps.sweep_progress import SweepProgress

PARENT = "tracking.parent_run"
# Hydra's own sweeper runs every combination. Other sweepers choose their jobs while they run.
EVERY_COMBINATION = "basic"
# Hydra's own launcher runs the jobs in the process of the sweep.
IN_THIS_PROCESS = "basic"


def _quieten_optuna() -> None:
    """Send what Optuna says to the log file. It has a handler of its own for the console."""
    if importlib.util.find_spec("optuna"):
        from optuna import logging

        logging.disable_default_handler()
        logging.enable_propagation()


class SweepCallback(Callback):
    """Callback that opens one parent run for the jobs of a sweep, and closes it with their result.

    Attributes:
        command: name of the entry point whose sweeps are handled.
        parent: id of the parent run; empty before the sweep starts.
        ui: the address where `make ui` serves it.
        jobs: each job's values of the swept settings; empty if they are not known in advance.
        interrupted: whether the user has interrupted the sweep.
        progress: what tells how far the sweep is; None where its jobs run in other processes.
    """

    def __init__(self, command: str) -> None:
        """
        Args:
            command: name of the entry point whose sweeps are handled; others are ignored.
        """
        self.command = command
        self.parent = self.ui = ""
        self.jobs: list[dict[str, str]] = []
        self.interrupted = False
        self.progress: SweepProgress | None = None

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check every job's configuration, open the parent run, and pass its id to the jobs."""
        if config.hydra.job.name != self.command:
            return
        divert_noise(self.command)
        with _errors_end_the_sweep():
            overrides = overrides_by_key(config)
            values = [values_of_override(one) for one in overrides.values()]
            every = config.hydra.runtime.choices["hydra/sweeper"] == EVERY_COMBINATION
            if not every:
                _quieten_optuna()
            refuse_no_sweep(overrides, every=every)
            jobs = list(product(*values) if every else each_value_once(values))
            settings = [_compose(config, job) for job in jobs]
            check_frozen_layers_of(settings)
            refuse_useless(settings, swept_settings(overrides))
            self.parent = _make_parent(config, overrides, settings)
            self.ui = settings[0].tracking.ui
            if every:
                from src.sweeps.sweep_jobs import swept_values

                self.jobs = [swept_values(swept_settings(overrides), job) for job in jobs]
            atexit.register(self._close, "KILLED")
            self._remember_interrupts()
            with read_write(config), open_dict(config):
                config.hydra.sweeper.params = {}
                # The id is quoted, because Hydra would read an id of digits only as a number.
                task = [*without_secret_values(overrides), f"{PARENT}='{self.parent}'"]
                config.hydra.overrides.task = task
                # The overrides again, as a folder's name that this project does not use.
                config.hydra.job.override_dirname = ""
                config.merge_with(_shown(config))
        if config.hydra.runtime.choices["hydra/launcher"] == IN_THIS_PROCESS:
            self.progress = SweepProgress(_job_count(config, len(jobs)))
        else:
            # The processes that the launcher starts need descriptor 2 for their own errors.
            give_back_descriptor_2()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Announce the job, if it takes long."""
        if self.progress:
            self.progress.job_starts(config.hydra.job.num)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Let the sweep go on after a failed job, whose run has the status FAILED by now."""
        if self.progress:
            self.progress.job_ends()
        if self.interrupted:
            raise KeyboardInterrupt
        if OmegaConf.select(config, PARENT) and job_return.status is JobStatus.FAILED:
            error = job_return._return_value
            if isinstance(error, InputError):
                print(f"error: {error}", file=sys.stderr)
            else:
                traceback.print_exception(error)
            job_return.status, job_return.return_value = JobStatus.COMPLETED, None

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Log the sweep's result in its parent run, and exit with status 1 if a job failed."""
        if not self.parent:
            return
        from src.sweeps.sweep_report import report_sweep

        with _errors_end_the_sweep():
            with announced("making the table and the figures of the sweep (a few seconds)"):
                outcome = report_sweep(self.parent, self.jobs)
            print(f"\n{outcome.summary}\n")
            self._close("FAILED" if outcome.unfinished else "FINISHED")
            print(_closing(self.parent, self.ui, outcome.best))
            if outcome.unfinished:
                sys.exit(1)

    def _remember_interrupts(self) -> None:
        """End the sweep after the current job if a library has swallowed KeyboardInterrupt."""
        # A shell lets its background processes ignore interrupts, which is no function.
        usual = signal.getsignal(signal.SIGINT)
        if not callable(usual):
            return

        def interrupt(number: int, frame: FrameType | None) -> None:
            self.interrupted = True
            usual(number, frame)

        signal.signal(signal.SIGINT, interrupt)

    def _close(self, status: str) -> None:
        import mlflow
        from mlflow.exceptions import MlflowException

        from src.tracking.server_access import server_answers

        atexit.unregister(self._close)
        try:
            mlflow.MlflowClient().set_terminated(self.parent, status)
        except MlflowException:
            # The next start closes the run of a server that has ended meanwhile.
            if server_answers():
                raise


@contextmanager
def _errors_end_the_sweep() -> Iterator[None]:
    """Exit on any error, because Hydra turns all exceptions but SystemExit into warnings."""
    try:
        yield
    except InputError as error:
        sys.exit(f"error: {error}")
    except Exception as error:
        if _is_of_a_lost_server(error):
            sys.exit(
                "error: the tracking server no longer answers; when it is back, send what was kept "
                "by the commands above, then start the same sweep again for its other jobs"
            )
        traceback.print_exc()
        sys.exit(1)


def _is_of_a_lost_server(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException

    from src.tracking.server_access import server_answers

    return isinstance(error, MlflowException) and not server_answers()


def _shown(config: DictConfig) -> Any:
    """Return the settings, unresolved and without the secrets in addresses."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return json.loads(without_secrets(json.dumps(OmegaConf.to_container(own))))


def _compose(config: DictConfig, overrides: tuple[str, ...]) -> Config:
    loader = GlobalHydra.instance().config_loader()
    try:
        composed = loader.load_sweep_config(config, list(overrides))
    except HydraException as error:
        raise InputError(composition_error(error, Config)) from error
    with read_write(composed), open_dict(composed):
        del composed["hydra"]
    return check(composed)


def _make_parent(config: DictConfig, overrides: Mapping[str, Override], jobs: list[Config]) -> str:
    from src.sweeps.setting_names import named
    from src.sweeps.sweep_parent import open_sweep
    from src.tracking import runs

    tracking = jobs[0].tracking
    if len({(job.tracking.uri, job.tracking.experiment) for job in jobs}) > 1:
        raise InputError(
            "the jobs of a sweep need one tracking.uri and one tracking.experiment, as one run has "
            "their result"
        )
    runs.connect(tracking.uri, tracking.experiment)
    swept = swept_settings(overrides)
    file = config.hydra.runtime.choices.get("sweep")
    name = tracking.run_name or file or named(swept)
    settings = [job.model_dump() for job in jobs]
    given = [str(override.input_line) for override in overrides.values()]
    parent = open_sweep(name, list(swept), given, settings)
    print(f"sweep {name}: {_job_count(config, len(jobs))} jobs, run {parent}")
    return parent


def _job_count(config: DictConfig, composed: int) -> int:
    """Return how many jobs a sweep has, of which `composed` have been composed to check them.

    Optuna chooses the values of the others while the sweep runs.
    """
    return OmegaConf.select(config, "hydra.sweeper.n_trials") or composed


def _closing(parent: str, ui: str, best: Sequence[str]) -> str:
    from src.config.console import aligned
    from src.tracking.page_addresses import address_of

    rows = [
        ("page", f"{address_of(parent, ui)}  (served by `make ui`)"),
        ("logs", "outputs/logs  (a file for each job)"),
    ]
    # Runs on other test images, as the folds of a cross-validation, can't be compared.
    if best:
        following = next_command("compare", *(run[:8] for run in best))
        rows.append(("next", f"{following}  (the best two)"))
    return aligned(rows)
