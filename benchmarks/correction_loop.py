"""Measure what corrections are worth: a model fooled by joints, corrected photos, a new champion.

python -m benchmarks.correction_loop [--kind block] [--corrections 20] [--photos 60] [--seeds 3]

It runs the commands that a user runs, in a folder of its own. Drawn photographs have joints of
one kind and no crack, so each region that the model finds on them is corrected. The first model
learns from clear drawn patches, as the demo's does. Each seed trains one further model, which is
compared with the first.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from scipy.stats import binomtest

from benchmarks.kinds import photographs_of
from src.config.loader import ROOT
from src.data.corrections import Correction, write_corrections
from src.data.drawn.photograph import DISTRACTORS, DrawnPhotograph, draw_photograph

HEIGHT, WIDTH = 768, 1024
TRAINING = (
    "data=several",
    "+data@data.sources.patches=synthetic",
    "data.sources.patches.images=1200",
)
CORRECTED = ("+data@data.sources.mine=corrections", "split.train_only=[mine]")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.correction_loop", description=__doc__
    )
    parser.add_argument("--kind", default="block", choices=DISTRACTORS)
    parser.add_argument("--corrections", type=int, default=20)
    parser.add_argument("--photos", type=int, default=60, help="photos of each kind, to test on")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=3, help="models that learn the corrections")
    parser.add_argument("--output", type=Path, default=Path("outputs/correction_loop"))
    chosen = parser.parse_args()
    shutil.rmtree(chosen.output, ignore_errors=True)
    folder = chosen.output.resolve()
    (folder / "mlruns").mkdir(parents=True)

    first = train(folder, "first")
    promote(folder, first)
    jointed = photographs_of(chosen.kind, chosen.seed, HEIGHT, WIDTH)
    correct(folder / "corrected", first, jointed, chosen.corrections, folder)
    test = folder / "test"
    draw_tests(test, jointed, np.random.default_rng(chosen.seed), chosen.photos)
    mine = f"data.sources.mine.path={folder / 'corrected'}"
    rows = [judged(folder, test, "first", first)]
    for seed in range(chosen.seeds):
        further = train(folder, "further", *CORRECTED, mine, f"train.seed={seed}")
        if promote(folder, further, f"corrections={test}"):
            # The next one is compared with the first as well.
            command(folder, "promote", "--back")
        rows.append(judged(folder, test, f"corrected, seed {seed}", further))
    print(pd.DataFrame(rows).to_markdown(index=False))


def train(folder: Path, name: str, *settings: str) -> str:
    """Train a model, and return the id of its run."""
    workspace = (f"workspace={folder / name}", f"data.dir={folder / name}-images")
    lines = command(
        folder, "train", *TRAINING, *settings, *workspace, "features.views=2", "audit.overlaps=null"
    )
    return re.findall(r"\b[0-9a-f]{32}\b", "\n".join(lines))[-1]


def promote(folder: Path, run: str, *settings: str) -> bool:
    """Print what the promotion of a run says, and return whether it is the champion now."""
    lines = command(folder, "promote", run, *settings, accepted=(0, 3))
    told = next(line for line in lines if " version " in line)
    print(told, flush=True)
    return " promoted: " in told


def command(
    folder: Path, name: str, *arguments: str, accepted: tuple[int, ...] = (0,)
) -> list[str]:
    """Run a command of the project, and return the lines that it prints."""
    server = f"tracking.uri=sqlite:///{folder / 'mlruns' / 'mlflow.db'}"
    call = [sys.executable, "-m", f"src.{name}", *arguments, server]
    done = subprocess.run(call, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode not in accepted:
        raise SystemExit(f"{' '.join(call)} ended with status {done.returncode}")
    return done.stdout.strip().splitlines()


def regions_of(folder: Path, photos: Path, run: str) -> dict[str, dict[str, Any]]:
    """Let a run's model look at photos, and return what it says about each, by its name."""
    output = photos.with_name(f"{photos.name}-{run[:6]}")
    command(folder, "predict", str(photos), str(output), f"model={run}")
    found = json.loads((output / "photos.json").read_text(encoding="utf-8"))
    return {photo["photo"]: photo for photo in found["photos"]}


def correct(
    photos: Path, run: str, drawn: Iterator[DrawnPhotograph], count: int, folder: Path
) -> None:
    """Draw photographs, and mark regions of the model as `no crack` until there are enough."""
    photos.mkdir()
    for number in range(5 * count):
        Image.fromarray(next(drawn).pixels).save(photos / f"{number:03}.png")
    found = regions_of(folder, photos, run)
    corrections = [
        correction(name, region["box"], "no crack", cracked=False)
        for name, photo in found.items()
        for region in photo["regions"][:1]
    ]
    print(f"{len(corrections)} of {len(found)} photos with a joint fool the first model")
    write_corrections(photos, corrections[:count])


def correction(photo: str, box: list[int], label: str, *, cracked: bool) -> Correction:
    return Correction.of_box(
        box,
        photo=photo,
        file=photo,
        label=label,
        cracked=cracked,
        by="benchmark",
        at="2026-01-01T00:00:00Z",
    )


def draw_tests(
    photos: Path, jointed: Iterator[DrawnPhotograph], rng: np.random.Generator, count: int
) -> None:
    """Draw photographs with joints and others with cracks, and say which are which.

    What is said is about each photo as a whole.
    """
    photos.mkdir()
    cracked = {}
    for number in range(count):
        Image.fromarray(next(jointed).pixels).save(photos / f"joint-{number:03}.png")
        cracked[f"joint-{number:03}.png"] = False
        photo = draw_photograph(rng, HEIGHT, WIDTH, cracked=True, clear=True)
        Image.fromarray(photo.pixels).save(photos / f"crack-{number:03}.png")
        cracked[f"crack-{number:03}.png"] = bool(photo.mask.any())
    whole = [0, 0, WIDTH, HEIGHT]
    said = [correction(name, whole, "right", cracked=truth) for name, truth in cracked.items()]
    write_corrections(photos, said)


def judged(folder: Path, photos: Path, name: str, run: str) -> dict[str, object]:
    """Count what a model says about the test photos, with 95 % intervals over photos."""
    found = regions_of(folder, photos, run)
    row: dict[str, object] = {"model": name}
    for kind, label in (("joint", "joints flagged"), ("crack", "cracks found")):
        verdicts = [photo["cracked"] for key, photo in found.items() if key.startswith(kind)]
        interval = binomtest(sum(verdicts), len(verdicts)).proportion_ci(method="wilson")
        row[label] = (
            f"{sum(verdicts)} of {len(verdicts)} ({interval.low:.2f} to {interval.high:.2f})"
        )
    return row


if __name__ == "__main__":
    main()
