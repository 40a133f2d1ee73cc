"""What a sweep of twelve runs at one cut takes, beside twelve single runs and the recipe.

python -m benchmarks.sweeps [--images 4000] [--views 4] [--singles 3] [--joblib]

On drawn patches, all of it commands as a user types them: from nothing, the patches drawn before.
The single runs have a bank each and are measured `--singles` times; the recipe's ten epochs are
reckoned from the images/s of benchmarks.measure, of its median epoch and of its fastest. As many
`--views` as epochs augment each anew, as the recipe does. --joblib measures the sweep with two jobs
at once, too (`make extras`).
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
    parser.add_argument("--views", type=int, default=4, help="of a training image, in a bank")
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
        f"features.views={chosen.views}",
        f"workspace={work}/workspace",
        # Every run does all its epochs, so that all do the same work.
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
    """The table in Markdown.

    Args:
        sweeps: seconds of each way to do all runs, by name.
        single: of one run by itself.
        recipe: of one run of the recipe, as measured.
        fastest: the same at the rate of its fastest epoch.
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
    """Seconds of `python -m src.train` in a folder of its own, with its own bank and runs."""
    own.mkdir()
    started = time.perf_counter()
    command(own, "src.train", *arguments)
    seconds = time.perf_counter() - started
    print(f"{own.name}: {seconds:.1f} s", file=sys.stderr)
    return seconds


def recipe_seconds(work: Path) -> tuple[float, float]:
    """Of ten epochs of the recipe on the training and validation share of the images.

    With all but the first as long as their median, and as the fastest.
    """
    save_weights(work / "backbone.weights.h5")
    told = command(work, "benchmarks.measure", "recipe_training", f"{work}/images", str(work))
    measured = json.loads(told.splitlines()[-1])
    median, fastest = (
        SEEN * (measured["first_epoch"] + (EPOCHS - 1) * measured[later])
        for later in ("epoch", "fastest")
    )
    return median, fastest


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
