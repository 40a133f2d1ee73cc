"""What a sweep of twelve runs at one cut takes, beside twelve single runs and the recipe.

python -m benchmarks.sweeps [--images 4000] [--singles 3] [--joblib]

On drawn patches, all of it commands as a user types them: from nothing, the patches drawn before.
The single runs have a bank each and are measured `--singles` times; the recipe's ten epochs are
reckoned from the images/s of benchmarks.measure. --joblib measures the sweep with two jobs at once,
too (`make extras`).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.speed import EPOCHS, processor, save_weights
from src.config import CONF

VALUES = [f"{n / 20:g}" for n in range(12)]  # of dropout
# Of the images, which the recipe trains and validates on; the others are tested.
SEEN = 0.8


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sweeps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--singles", type=int, default=3)
    parser.add_argument("--joblib", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("\n".join(measure(Path(folder), chosen)))


def measure(work: Path, chosen: argparse.Namespace) -> list[str]:
    """Draws the patches, runs everything, and returns the table's lines."""
    shared = [
        f"data.images={chosen.images}",
        f"data.dir={work}/images",
        f"workspace={work}/workspace",
        # Every run does all its epochs, so that all do the same work.
        f"train.patience={EPOCHS}",
    ]
    command(work, "src.fetch", *shared)
    command(work, "src.audit", *shared)
    dropout = f"model.dropout={','.join(VALUES)}"
    sweep = trained(work / "sweep", "-m", dropout, *shared)
    singles = [
        trained(work / f"single-{value}", f"model.dropout={value}", *shared)
        for value in VALUES[: chosen.singles]
    ]
    single = statistics.median(singles)
    recipe = recipe_seconds(work)
    runs = len(VALUES)
    lines = [
        f"Processor: {processor()}. {chosen.images} drawn patches, {EPOCHS} epochs.",
        "",
        "| | seconds | a run | |",
        "|---|---|---|---|",
        f"| sweep of {runs} runs | {sweep:.0f} | {sweep / runs:.1f} | |",
        f"| {runs} single runs, each with its own bank ({len(singles)} measured) "
        f"| {single * runs:.0f} | {single:.1f} | {single * runs / sweep:.1f} x |",
        f"| the recipe end to end, reckoned | {recipe * runs:.0f} | {recipe:.0f} "
        f"| {recipe * runs / sweep:.1f} x |",
    ]
    if chosen.joblib:
        two = trained(work / "joblib", "-m", "+launcher=joblib", dropout, *shared)
        lines.append(f"| the sweep with joblib | {two:.0f} | {two / runs:.1f} | |")
    return lines


def trained(own: Path, *arguments: str) -> float:
    """Seconds of `python -m src.train` in a folder of its own, with its own bank and runs."""
    own.mkdir()
    started = time.perf_counter()
    command(own, "src.train", *arguments)
    seconds = time.perf_counter() - started
    print(f"{own.name}: {seconds:.1f} s", file=sys.stderr)
    return seconds


def recipe_seconds(work: Path) -> float:
    """Of ten epochs of the recipe on the training and validation share of the images."""
    save_weights(work / "backbone.weights.h5")
    told = command(work, "benchmarks.measure", "recipe_training", f"{work}/images", str(work))
    measured = json.loads(told.splitlines()[-1])
    seconds: float = measured["first_epoch"] + (EPOCHS - 1) * measured["fastest"]
    return SEEN * seconds


def command(folder: Path, module: str, *arguments: str) -> str:
    """The output of `python -m module`, run in `folder`, which must succeed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_TRACKING")}
    ended = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(CONF.parent), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        sys.exit(f"python -m {module} {' '.join(arguments)}:\n{ended.stderr}")
    return ended.stdout


if __name__ == "__main__":
    main()
