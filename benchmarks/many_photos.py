"""Inspect many small photos, and see whether the rate and the memory stay as they are.

python -m benchmarks.many_photos [--photos 10000] [--figure FILE.svg] [SETTING …]

SETTINGs are those of src.predict, such as model=RUN or shards=2 +launcher=joblib. 200 photos of 300
x 240 pixels are drawn; the others are these with another brightness.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import psutil
from PIL import Image, ImageEnhance

from src.data.drawn.photograph import draw_photograph
from src.photos.photo_report import REPORT
from src.photos.photo_search import PAGES, RECORDS
from src.photos.photo_tables import DETAILS

DRAWN, WIDTH, HEIGHT = 200, 300, 240
BINS = 20  # parts of the run for which the figure has a rate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_photos", description=__doc__)
    parser.add_argument("settings", nargs="*", help="settings of src.predict")
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=2, help="time between two samples")
    parser.add_argument("--figure", type=Path, help="where to draw the figure")
    given = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as folder:
        photos, found = Path(folder, "photos"), Path(folder, "found")
        draw(photos, given.photos)
        samples = sampled([str(photos), str(found), *given.settings], found, given.seconds)
        print(summary(samples, found).to_markdown(index=False, floatfmt=".1f"))
    if given.figure:
        draw_run(samples, given.figure)


def draw(folder: Path, count: int) -> None:
    """Draw `count` photos, and write them to a new folder."""
    folder.mkdir()
    some = [
        Image.fromarray(
            draw_photograph(np.random.default_rng(n), HEIGHT, WIDTH, cracked=n % 5 == 0).pixels
        )
        for n in range(min(DRAWN, count))
    ]
    for number in range(count):
        brightness = 0.7 + 0.6 * (number // DRAWN) * DRAWN / count
        photo = ImageEnhance.Brightness(some[number % DRAWN]).enhance(brightness)
        photo.save(folder / f"{number:06}.jpg", quality=92)


def sampled(arguments: list[str], found: Path, seconds: float) -> pd.DataFrame:
    """Run src.predict, and sample it while it runs.

    Returns:
        A row for each sample: seconds since the start, number of records so far, and resident
        memory of the command with its workers in MiB.
    """
    command = [sys.executable, "-m", "src.predict", *arguments]
    started, rows = time.monotonic(), []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        while running.poll() is None:
            rows.append((time.monotonic() - started, records_in(found), memory(running.pid)))
            time.sleep(seconds)
    rows.append((time.monotonic() - started, records_in(found), 0.0))
    if running.returncode:
        sys.exit(f"src.predict ended with status {running.returncode}")
    return pd.DataFrame(rows, columns=["seconds", "records", "mib"])


def records_in(found: Path) -> int:
    """Count the records that a run has written so far."""
    try:
        return sum(entry.name.endswith(".json") for entry in os.scandir(found / RECORDS))
    except FileNotFoundError:
        return 0


def memory(process: int) -> float:
    """Return the resident memory of a process and its descendants in MiB."""
    total = 0
    try:
        top = psutil.Process(process)
        for one in (top, *top.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total / 2**20


def summary(samples: pd.DataFrame, found: Path) -> pd.DataFrame:
    """Compare the first and the last tenth of the run, and say what the end took."""
    count = int(samples.records.max())
    working = samples[(samples.records > 0) & (samples.records < count)]
    tenths = {
        name: working[working.records.between(low * count, high * count)]
        for name, low, high in (("first", 0, 0.1), ("second", 0.1, 0.2), ("last", 0.9, 1))
    }
    rows = [("photos", float(count)), ("seconds in all", samples.seconds.max())]
    for name, part in tenths.items():
        if len(part) > 1:
            gained = part.records.iloc[-1] - part.records.iloc[0]
            rate = gained / (part.seconds.iloc[-1] - part.seconds.iloc[0])
            rows += [(f"photos/s, {name} tenth", rate)]
            rows += [(f"MiB, {name} tenth", part.mib.median())]
    rows += [
        ("MiB, most, report included", samples.mib.max()),
        ("seconds from the last record to the end", samples.seconds.max() - working.seconds.max()),
        ("pages of the report", 1.0 + len(list((found / PAGES).glob("page-*.html")))),
        ("MB of report.html", (found / REPORT).stat().st_size / 1e6),
        ("MB of photos.json", (found / DETAILS).stat().st_size / 1e6),
    ]
    return pd.DataFrame(rows, columns=["measure", "value"])


def draw_run(samples: pd.DataFrame, file: Path) -> None:
    """Draw rate and memory over the photos that are done."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    working = samples[samples.records.gt(0) & samples.mib.gt(0)]
    edges = np.linspace(working.records.iloc[0], working.records.iloc[-1], BINS + 1)
    times = np.interp(edges, working.records, working.seconds)
    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(7, 4.5))
    above.stairs(np.diff(edges) / np.diff(times), edges)
    below.plot(working.records, working.mib)
    for axis, label in ((above, "photos/s"), (below, "memory (MiB)")):
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    below.set_xlabel("photos done")
    figure.tight_layout()
    figure.savefig(file)


if __name__ == "__main__":
    main()
