"""Compare the time of a sweep of twelve runs at one cut with single runs and with the recipe.

python -m benchmarks.sweeps [--images 4000] [--views 4] [--singles 3] [--joblib]

All runs are commands as a user types them, on patches that are drawn beforehand. They start
without a feature bank. Each single run fills its own bank, and `--singles` of them are measured.

The time of the recipe's ten epochs is computed from its median epoch and from its fastest epoch,
see benchmarks.speed_steps. With as many `--views` as epochs, each epoch has new augmentations, as
in the recipe. With `--joblib` the sweep is also measured with two jobs at a time (`make extras`).
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
from src.config.loader import CONF

VALUES = [f"{n / 20:g}" for n in range(12)]  # values of model.dropout
# Share of the images that the recipe trains and validates on. The others are test images.
SEEN = 0.8


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sweeps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--views", type=int, default=4, help="views of a training image")
    parser.add_argument("--singles", type=int, default=3)
    parser.add_argument("--joblib", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("\n".join(measure(Path(folder), chosen)))


def measure(work: Path, chosen: argparse.Namespace) -> list[str]:
    """Draw the patches, make all measurements, and return the lines of the table."""
    shared = [
        f"data.images={chosen.images}",
        f"data.dir={work}/images",
        f"features.views={chosen.views}",
        f"workspace={work}/workspace",
        # No run stops early, so that all of them do the same work.
        f"train.patience={EPOCHS}",
    ]
    command(work, "src.fetch", *shared)
    command(work, "src.audit", *shared)
    dropout = f"model.dropout={','.join(VALUES)}"
    singles = [
        trained(work / f"single-{value}", f"model.dropout={value}", *shared)
        for value in VALUES[: chosen.singles]
    ]
    sweeps = {"sweep": trained(work / "sweep", "-m", dropout, *shared)}
    if chosen.joblib:
        launcher = "+launcher=joblib"
        sweeps["sweep, joblib"] = trained(work / "joblib", "-m", launcher, dropout, *shared)
    return [
        f"Processor: {processor()}. {chosen.images} drawn patches, {chosen.views} views, "
        f"{EPOCHS} epochs, {len(singles)} single runs.",
        "",
        *rows(sweeps, statistics.median(singles), *recipe_seconds(work)),
    ]


def rows(sweeps: dict[str, float], single: float, recipe: float, fastest: float) -> list[str]:
    """Return the lines of the table of results in Markdown.

    Args:
        sweeps: seconds of each kind of sweep, by name.
        single: seconds of one single run.
        recipe: seconds of one run of the recipe, from its median epoch.
        fastest: seconds of one run of the recipe, from its fastest epoch.
    """
    runs = len(VALUES)
    lines = [
        f"| {runs} runs | seconds | a run | share of single runs | against the recipe, and awake |",
        "|---|---|---|---|---|",
    ]
    for name, seconds in sweeps.items():
        lines.append(
            f"| {name} | {seconds:.0f} | {seconds / runs:.1f} | {seconds / runs / single:.2f} "
            f"| {recipe * runs / seconds:.1f} x, {fastest * runs / seconds:.1f} x |"
        )
    lines.append(f"| single, a bank each | {single * runs:.0f} | {single:.1f} | | |")
    lines.append(
        f"| recipe | {recipe * runs:.0f}, {fastest * runs:.0f} | {recipe:.0f}, {fastest:.0f} | | |"
    )
    return lines


def trained(own: Path, *arguments: str) -> float:
    """Time `python -m src.train` in a new folder, with its own bank and runs, in seconds."""
    own.mkdir()
    started = time.perf_counter()
    command(own, "src.train", *arguments)
    seconds = time.perf_counter() - started
    print(f"{own.name}: {seconds:.1f} s", file=sys.stderr)
    return seconds


def recipe_seconds(work: Path) -> tuple[float, float]:
    """Return the seconds of ten epochs of the recipe on the images for training and validation.

    The first value assumes that all epochs but the first take the median time. The second value
    assumes that they take the time of the fastest epoch.
    """
    save_weights(work / "backbone.weights.h5")
    told = command(work, "benchmarks.speed_steps", "recipe_training", f"{work}/images", str(work))
    measured = json.loads(told.splitlines()[-1])
    median, fastest = (
        SEEN * (measured["first_epoch"] + (EPOCHS - 1) * measured[later])
        for later in ("epoch", "fastest")
    )
    return median, fastest


def command(folder: Path, module: str, *arguments: str) -> str:
    """Run `python -m module` in `folder`, and return its output; exit if the command fails."""
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
