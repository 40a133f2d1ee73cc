"""The Hydra callback that gives the jobs of a sweep a common parent run.

Every command creates the callback, so modules that are slow to import are imported where they are
needed.
"""

import atexit
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from types import FrameType
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from src.config.console import divert_noise, give_back_descriptor_2
from src.config.loader import check
from src.config.misspelt import composition_error
from src.config.schema import Config
from src.errors import InputError, without_secrets
from src.sweeps.job_checks import check_frozen_layers_of, refuse_useless

# Jobs with the same values of these settings run one after the other. They share a feature bank,
# and only one bank at a time is then filled and read.
CUT = ("model", "model.backbone", "model.frozen_layers")
PARENT = "tracking.parent_run"
# Hydra's own sweeper runs every combination. Other sweepers choose their jobs while they run.
EVERY_COMBINATION = "basic"
# Hydra's own launcher runs the jobs in the process of the sweep.
IN_THIS_PROCESS = "basic"


class SweepCallback(Callback):
    """Callback that opens one parent run for the jobs of a sweep, and closes it with their result.

    Attributes:
        command: name of the entry point whose sweeps are handled.
        parent: id of the parent run; empty before the sweep starts.
        ui: the address where `make ui` serves it.
        jobs: each job's values of the swept settings; empty if they are not known in advance.
        interrupted: whether the user has interrupted the sweep.
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

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check every job's configuration, open the parent run, and pass its id to the jobs."""
        if config.hydra.job.name != self.command:
            return
        divert_noise(self.command)
        with _errors_end_the_sweep():
            overrides = _by_key(config)
            values = [_values(one) for one in overrides.values()]
            every = config.hydra.runtime.choices["hydra/sweeper"] == EVERY_COMBINATION
            jobs = list(product(*values) if every else _each_value_once(values))
            settings = [_compose(config, job) for job in jobs]
            check_frozen_layers_of(settings)
            refuse_useless(settings, overrides)
            self.parent = _make_parent(config, overrides, settings)
            self.ui = settings[0].tracking.ui
            if every:
                from src.sweeps.sweep_jobs import swept_values

                self.jobs = [swept_values(_swept(overrides), job) for job in jobs]
            atexit.register(self._close, "KILLED")
            self._remember_interrupts()
            with read_write(config), open_dict(config):
                config.hydra.sweeper.params = {}
                # The id is quoted, because Hydra would read an id of digits only as a number.
                task = [*_without_secrets(overrides), f"{PARENT}='{self.parent}'"]
                config.hydra.overrides.task = task
                # The overrides again, as a folder's name that this project does not use.
                config.hydra.job.override_dirname = ""
                config.merge_with(_shown(config))
        if config.hydra.runtime.choices["hydra/launcher"] != IN_THIS_PROCESS:
            # The processes that the launcher starts need descriptor 2 for their own errors.
            give_back_descriptor_2()

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Let the sweep go on after a failed job, whose run has the status FAILED by now."""
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
            outcome = report_sweep(self.parent, self.jobs)
            print(f"\n{outcome.summary}\n")
            self._close("FAILED" if outcome.unfinished else "FINISHED")
            print(_closing(self.parent, self.ui))
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

        atexit.unregister(self._close)
        mlflow.MlflowClient().set_terminated(self.parent, status)


@contextmanager
def _errors_end_the_sweep() -> Iterator[None]:
    """Exit on any error, because Hydra turns all exceptions but SystemExit into warnings."""
    try:
        yield
    except InputError as error:
        sys.exit(f"error: {error}")
    except Exception:
        traceback.print_exc()
        sys.exit(1)


def _by_key(config: DictConfig) -> dict[str, Override]:
    """Return the overrides by key, with those of `CUT` first.

    They come from the sweep's file and from the command line, which takes precedence.
    """
    of_file = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    parsed = parser.parse_overrides([*of_file, *config.hydra.overrides.task])
    by_key = {override.get_key_element(): override for override in parsed}
    first = {key: place for place, key in enumerate(CUT)}
    return dict(sorted(by_key.items(), key=lambda item: first.get(item[0], len(CUT))))


def _given(overrides: Mapping[str, Override]) -> list[str]:
    return [str(override.input_line) for override in overrides.values()]


def _without_secrets(overrides: Mapping[str, Override]) -> list[str]:
    """Return the overrides, with a reference to the environment for an address with a secret.

    Hydra writes the overrides to a file. The jobs inherit the environment.
    """
    given = []
    for number, (key, override) in enumerate(overrides.items()):
        text = str(override.input_line)
        if without_secrets(text) != text and not override.is_sweep_override():
            name = f"CRACK_SETTING_{number}"
            os.environ[name] = str(override.value())
            text = f"{key}=${{oc.env:{name}}}"
        given.append(text)
    return given


def _shown(config: DictConfig) -> Any:
    """Return the settings, unresolved and without the secrets in addresses."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return json.loads(without_secrets(json.dumps(OmegaConf.to_container(own))))


def _swept(overrides: Mapping[str, Override]) -> dict[str, str]:
    """Return the settings that vary, each with its values as the user has written them."""
    return {
        key.lstrip("+"): str(override.input_line).split("=", 1)[1]
        for key, override in overrides.items()
        if override.is_sweep_override()
    }


def _values(override: Override) -> list[str]:
    """Return one override for each value of a sweep, or for the two ends of an interval."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [str(override.input_line)]
    if override.is_discrete_sweep():
        return [f"{key}={value}" for value in override.sweep_string_iterator()]
    interval = override.value()
    assert isinstance(interval, IntervalSweep)
    return [f"{key}={interval.start}", f"{key}={interval.end}"]


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
    swept = _swept(overrides)
    file = config.hydra.runtime.choices.get("sweep")
    name = tracking.run_name or file or named(swept)
    settings = [job.model_dump() for job in jobs]
    parent = open_sweep(name, list(swept), _given(overrides), settings)
    trials = OmegaConf.select(config, "hydra.sweeper.n_trials")
    print(f"sweep {name}: {trials or len(jobs)} jobs, run {parent}")
    return parent


def _each_value_once(values: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return each setting's values, with the first values of the others.

    A search chooses among all combinations, which may be too many to check.
    """
    first = [one[0] for one in values]
    return [
        (*first[:place], value, *first[place + 1 :])
        for place, own in enumerate(values)
        for value in own
    ]


def _closing(parent: str, ui: str) -> str:
    from src.config.console import aligned
    from src.tracking.runs import address_of

    return aligned(
        [
            ("page", f"{address_of(parent, ui)}  (served by `make ui`)"),
            ("next", "python -m src.compare RUN RUN  (two of the runs above)"),
        ]
    )
