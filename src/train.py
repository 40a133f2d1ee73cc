"""Train one classifier as a tracked MLflow run, or a sweep of classifiers as its child runs.

python -m src.train                                      one run, on patches drawn by the project
python -m src.train experiment=best                      the settings of conf/experiment/best.yaml
python -m src.train experiment=robust elsewhere=FOLDER   also photos with masks: docs/sources.md
python -m src.train model.dropout=0.3 train.epochs=5     some settings changed
python -m src.train -m model.dropout=0.1,0.2,0.3         a sweep: one run for each value
python -m src.train -m +sweep=frozen                     the sweep of conf/sweep/frozen.yaml
"""

import os
import time

from src.config.command import entry_point, next_command
from src.config.console import aligned, announced, current_log
from src.config.schema import Config
from src.errors import InputError


@entry_point
def main(config: Config) -> float:
    if config.tracking.parent_run:
        _refuse_outside_a_sweep()
        return train_job(config, config.tracking.parent_run)
    # A wrong setting must be reported at once, so this comes after the settings are checked.
    with announced("loading TensorFlow and MLflow (about 6 s)"):
        from src.pipeline.tracked_run import train_and_track
        from src.statistics.result_tables import result_table

    started = time.monotonic()
    result = train_and_track(config, log=current_log())
    seconds = time.monotonic() - started
    if "DVC_STAGE" in os.environ:
        # The next stage shows the result.
        print(f"run {result.run_id}  ({seconds:.0f} s)")
    else:
        print(f"{result_table(result.metrics)}\n\n{closing(config, result.run_id, seconds)}")
    return result.metrics["validation"]["loss"]


def _refuse_outside_a_sweep() -> None:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if HydraConfig.get().mode is not RunMode.MULTIRUN:
        raise InputError(
            "tracking.parent_run: only a sweep sets it for its jobs; to add a job, start the sweep "
            "again by the same name (+sweep=… or tracking.run_name=…) with one more value"
        )


def train_job(config: Config, parent: str) -> float:
    """Train one job of a sweep, unless an earlier start of the sweep has finished it.

    Args:
        config: the configuration of the job.
        parent: id of the sweep's parent run.

    Returns:
        The loss on the validation images.
    """
    from hydra.core.hydra_config import HydraConfig

    from src.sweeps.sweep_jobs import job_of, reuse_finished
    from src.tracking import runs

    runs.connect(config.tracking.uri, config.tracking.experiment)
    composed, started = HydraConfig.get(), time.monotonic()
    job = job_of(parent, composed.overrides.task, config.model_dump())
    line = f"job {composed.job.num + 1}: {job.name}"
    if done := reuse_finished(parent, job):
        print(f"{line}: run {done.info.run_id} has finished before")
        return done.data.metrics[runs.VALIDATION_LOSS]
    from src.pipeline.tracked_run import train_and_track

    result = train_and_track(config, job.name, job.tags, current_log())
    test, loss = result.metrics["test"], result.metrics["validation"]["loss"]
    print(
        f"{line}: {test['errors']:.0f} errors on {test['images']:.0f} test images, validation loss "
        f"{loss:.5f}, {time.monotonic() - started:.0f} s, run {result.run_id}"
    )
    return loss


def closing(config: Config, run_id: str, seconds: float) -> str:
    """Return what to tell the user at the end of a run: where to look, and what to do next."""
    from src.tracking.page_addresses import address_of

    rows = [
        ("run", f"{run_id}  ({seconds:.0f} s)"),
        ("page", f"{address_of(run_id, config.tracking.ui)}  (served by `make ui`)"),
    ]
    if log := current_log():
        rows.append(("log", str(log)))
    rows.append(
        ("next", f"{next_command('promote', run_id[:8])}  (then src.predict uses its model)")
    )
    return aligned(rows)


if __name__ == "__main__":
    main()
