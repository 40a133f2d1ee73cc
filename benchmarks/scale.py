"""Measure how the steps of the pipeline grow with the number of images.

python -m benchmarks.scale [5000 20000 80000 200000] [--size 96] [--folder outputs/scale]

Patches are drawn once, and each number of images takes the first of them. What is already drawn or
measured is kept, so that a killed run can be repeated. Without numbers, only the table and the
figure are made, from what was measured in the folder. They give the seconds of the processor, which
other work on the machine changes less than the seconds of the clock.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.scale_steps import STEPS, Measured
from benchmarks.speed import processor
from src.config.loader import ROOT
from src.data.drawn.pictures import CLASSES, draw_patch
from src.data.files import write_text
from src.data.worker_processes import map_in_processes

# The steps in the order in which they are done; the process `training` does the last four.
SHOWN = (*STEPS, "prediction", "evaluation", "logging")
COLUMNS = {
    "cpu": ("seconds of the processor", 1),
    "own": ("memory without mapped files, MB", 1e6),
    "resident": ("memory with mapped files, MB", 1e6),
    "disk": ("disk, MB", 1e6),
}
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("counts", type=int, nargs="*")
    parser.add_argument("--size", type=int, default=96, help="side of a patch in pixels")
    parser.add_argument("--folder", type=Path, default=Path("outputs/scale"))
    chosen = parser.parse_args()
    folder = chosen.folder.resolve()
    for count in sorted(chosen.counts):
        draw(folder / "patches", count, chosen.size)
        measure(folder, count, chosen.size)
    measured = {
        int(file.parent.name): json.loads(file.read_text(encoding="utf-8"))
        for file in folder.glob("*/measured.json")
    }
    write_text(folder / "scale.md", table(measured) + "\n")
    figure(measured).savefig(folder / "scale.svg")
    print(table(measured))


def draw(folder: Path, count: int, size: int) -> None:
    """Draw the patches that are missing among the first `count`, half of them in each class."""
    jobs = [(label, number) for number in range(1, count // 2 + 1) for label in (0, 1)]
    missing = [job for job in jobs if not patch_file(folder, *job).exists()]
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    map_in_processes(partial(draw_one, folder, size), missing, desc="drawing", unit="image")


def draw_one(folder: Path, size: int, job: tuple[int, int]) -> None:
    label, number = job
    rng = np.random.default_rng([SEED, label, number])
    file = patch_file(folder, label, number)
    unfinished = file.with_suffix(".part")
    patch = Image.fromarray(draw_patch(rng, cracked=bool(label), size=size))
    patch.save(unfinished, "JPEG", quality=95)
    unfinished.replace(file)


def patch_file(folder: Path, label: int, number: int) -> Path:
    return folder / CLASSES[label] / f"{number:06}.jpg"


def measure(folder: Path, count: int, size: int) -> None:
    """Do each step for the first `count` patches, and note what it took in measured.json."""
    work = folder / str(count)
    file = work / "measured.json"
    measured: Measured = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    given = lay_out(folder / "patches", work / "given", count)
    settings = [
        *("~local", "data=local", f"data.path={given}", f"data.dir={work}/images"),
        *(f"data.image_size={size}", f"data.minimum_images={count}", f"workspace={work}/made"),
        *(f"reports={work}/reports", f"features.dir={work}/features", "features.views=1"),
        "train.epochs=2",
    ]
    for step in [step for step in STEPS if step not in measured]:
        for left_over in {"fetch": ("images", "made"), "bank": ("features",)}.get(step, ()):
            shutil.rmtree(work / left_over, ignore_errors=True)
        before, load = disk(work), os.getloadavg()[0]
        found = result_of(step, settings, work)
        found[step]["disk"] = disk(work) - before
        measured |= {name: {**took, "load": load} for name, took in found.items()}
        write_text(file, json.dumps(measured, indent=2) + "\n")
        print(f"{count} {step}: {found}", file=sys.stderr, flush=True)


def result_of(step: str, settings: list[str], work: Path) -> Measured:
    """Do a step in a process of its own, whose MLflow store is in the folder `work`."""
    command = [sys.executable, "-m", "benchmarks.scale_steps", step, *settings]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        command, cwd=work, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    measured: Measured = json.loads(ended.stdout.splitlines()[-1])
    return measured


def lay_out(patches: Path, target: Path, count: int) -> Path:
    """Link the first `count` patches in a folder of their own."""
    for label, name in enumerate(CLASSES):
        (target / name).mkdir(parents=True, exist_ok=True)
        for number in range(1, count // 2 + 1):
            link = patch_file(target, label, number)
            link.exists() or link.hardlink_to(patch_file(patches, label, number))
    return target


def disk(folder: Path) -> int:
    """Return the bytes that a folder takes on the disk, without what other folders share."""
    files = [path.lstat() for path in folder.rglob("*") if path.is_file()]
    return sum(file.st_blocks * 512 for file in files if file.st_nlink == 1)


def exponent(counts: list[int], values: list[float]) -> float:
    """Return the power of the number of images that a measurement grows with."""
    return float(np.polyfit(np.log(counts), np.log(values), 1)[0])


def table(measured: dict[int, Measured]) -> str:
    """Return the measurements as tables in Markdown, one for each of `COLUMNS`."""
    counts = sorted(measured)
    parts = [f"Processor: {processor()}."]
    for what, (told_as, scale) in COLUMNS.items():
        parts += ["", f"| {told_as} | " + " | ".join(f"{n:,}" for n in counts) + " | power |"]
        parts += ["|---" * (len(counts) + 2) + "|"]
        for step in SHOWN:
            values = [measured[n].get(step, {}).get(what, 0) for n in counts]
            if not all(values):
                continue
            power = f"{exponent(counts, values):.2f}" if len(counts) > 1 else "–"
            told = " | ".join(f"{value / scale:,.1f}" for value in values)
            parts.append(f"| {step} | {told} | {power} |")
    return "\n".join(parts)


def figure(measured: dict[int, Measured]) -> Figure:
    """Draw the processor's seconds of each step over the number of images, both logarithmic."""
    drawn = Figure(figsize=(8, 6), layout="constrained")
    axes = drawn.subplots()
    for step in SHOWN:
        counts = [n for n in sorted(measured) if step in measured[n]]
        seconds = [measured[n][step]["cpu"] for n in counts]
        power = f", power {exponent(counts, seconds):.2f}" if len(counts) > 1 else ""
        axes.plot(counts, seconds, marker="o", label=f"{step}{power}")
    axes.set(xscale="log", yscale="log", xlabel="images", ylabel="seconds of the processor")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    return drawn


if __name__ == "__main__":
    main()
