"""Do one step of the pipeline for benchmarks.scale, and print what it took as one JSON object.

python -m benchmarks.scale_steps STEP SETTING...

Each step runs in a separate process, so that the peak memory is that of this step. The imports, and
what earlier steps have left on the disk, are read before the clock starts.
"""

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from src.config.loader import compose_config
from src.config.schema import Config
from src.data.dataset import Dataset
from src.data.related.twins import find_twins
from src.data.splits.manifest import write_manifest
from src.pipeline.auditing import audit_dataset, audited_dataset
from src.pipeline.fetching import fetched_dataset
from src.pipeline.splitting import prepared_dataset, split_anew

Measured = dict[str, dict[str, float]]


class Clock:
    """What the steps of this process have taken.

    Attributes:
        measured: for each step its `wall` and `cpu` seconds, and two numbers of bytes: `own` is the
            most memory that the step used at once, files that are mapped left out. `resident`
            counts these too, and is the most that the process used until the step's end.
    """

    def __init__(self) -> None:
        self.measured: Measured = {}

    @contextmanager
    def times(self, step: str) -> Iterator[None]:
        ended, seen = threading.Event(), [own_memory()]

        def watch() -> None:
            while not ended.wait(0.1):
                seen.append(own_memory())

        watcher = threading.Thread(target=watch)
        watcher.start()
        wall, cpu = time.perf_counter(), processor_seconds()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
        self.measured[step] = {
            "wall": time.perf_counter() - wall,
            "cpu": processor_seconds() - cpu,
            "own": max(seen),
            # Linux gives the peak memory of this process in kilobytes.
            "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def processor_seconds() -> float:
    """Return the seconds of the processor of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def own_memory() -> int:
    """Return the bytes of memory that this process uses without mapped files (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) * 1024


def fetch(config: Config, clock: Clock) -> None:
    with clock.times("fetch"):
        fetched(config)


def twins(config: Config, clock: Clock) -> None:
    dataset, audit = fetched(config), config.audit
    with clock.times("twins"):
        find_twins(
            dataset.listing,
            dataset.folder,
            size=audit.size,
            threshold=audit.threshold,
            min_contrast=audit.min_contrast,
        )


def audit(config: Config, clock: Clock) -> None:
    dataset = fetched(config)
    with clock.times("audit"):
        audit_dataset(dataset, config.audit, Path(config.workspace))


def split(config: Config, clock: Clock) -> None:
    dataset, workspace = fetched(config), Path(config.workspace)
    with clock.times("split"):
        known = audited_dataset(dataset, config.audit, workspace)
        write_manifest(split_anew(known, config.split).manifest, workspace / "split.csv")


def bank(config: Config, clock: Clock) -> None:
    # The steps above need no Keras, which would only add to their memory.
    from src.pipeline.features import PrefixEngine, extract, useful_cut
    from src.pipeline.initial_classifier import initial_classifier

    start, dataset = initial_classifier(config), prepared_dataset(config)
    cut = useful_cut(config, start.classifier)
    with clock.times("bank"):
        engine = PrefixEngine(config, cut.prefix, dataset.paths)
        extract(config, start, cut, dataset, engine)


def training(config: Config, clock: Clock) -> None:
    """Train on the bank, predict the held-out images, compute the metrics, and log the run."""
    from src.pipeline.fitted_classifier import fit_classifier, planned_cut, predict_for_evaluation
    from src.pipeline.initial_classifier import initial_classifier
    from src.pipeline.run_results import log_label_suspects, log_result_figures
    from src.pipeline.tracked_run import log_inputs
    from src.statistics.run_metrics import evaluate_predictions, label_suspects
    from src.tracking import runs
    from src.tracking.logged_models import log_model

    start, dataset = initial_classifier(config), prepared_dataset(config)
    runs.connect(config.tracking.uri, config.tracking.experiment)
    with runs.tracked_run("scale", config.model_dump(), system_metrics=False):
        plan = planned_cut(config, start, dataset)
        with clock.times("training"):
            fitted = fit_classifier(config, start, plan, dataset)
        with clock.times("prediction"):
            predictions = predict_for_evaluation(config, fitted, dataset)
        with clock.times("evaluation"):
            metrics = evaluate_predictions(predictions, config.evaluate, config.decision.threshold)
            suspects = label_suspects(predictions, config.evaluate)
        with clock.times("logging"):
            log_inputs(config, start, dataset)
            log_model(fitted.classifier, dataset.image_size, "scale")
            runs.log_metrics_of_parts(metrics)
            runs.log_predictions(predictions)
            temperature = metrics["calibration"]["temperature"]
            log_result_figures(config, predictions, temperature, pictures=True)
            log_label_suspects(config, suspects, pictures=True)


def fetched(config: Config) -> Dataset:
    return fetched_dataset(config.data, Path(config.workspace))


STEPS = {
    "fetch": fetch,
    "twins": twins,
    "audit": audit,
    "split": split,
    "bank": bank,
    "training": training,
}

if __name__ == "__main__":
    clock = Clock()
    STEPS[sys.argv[1]](compose_config(sys.argv[2:]), clock)
    print(json.dumps(clock.measured))
