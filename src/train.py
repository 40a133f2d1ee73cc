"""Train one classifier as a tracked MLflow run, or a sweep of classifiers as its child runs.

python -m src.train [experiment=published] [model.dropout=0.3] …
python -m src.train -m model.frozen_layers=100,125,150
python -m src.train -m +sweep=frozen
"""

import time

from hydra.core.hydra_config import HydraConfig

from src.config.command import entry_point
from src.config.schema import Config


@entry_point
def main(config: Config) -> float:
    # TensorFlow and MLflow take seconds to import, and a wrong setting must be reported at once.
    from src.pipeline.tracked_run import train_and_track
    from src.statistics.result_tables import result_table
    from src.sweeps.sweep_jobs import job_of, reuse_finished
    from src.tracking import runs

    started, job = time.monotonic(), None
    if parent := config.tracking.parent_run:
        runs.connect(config.tracking.uri, config.tracking.experiment)
        job = job_of(parent, HydraConfig.get().overrides.task, config.model_dump())
        if done := reuse_finished(parent, job):
            print(f"run {done.info.run_id}  (finished before: {done.info.run_name})")
            return done.data.metrics["best.validation.loss"]
    result = train_and_track(config, *((job.name, job.tags) if job else ()))
    print(f"run {result.run_id}  ({time.monotonic() - started:.0f} s)")
    print(result_table(result.metrics))
    return result.metrics["validation"]["loss"]


if __name__ == "__main__":
    main()
