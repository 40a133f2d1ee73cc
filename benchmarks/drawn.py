"""Measure how fast photographs are drawn, and lay some out as one picture.

python -m benchmarks.drawn speed [--photos 40] [--height 1000] [--width 1500]
python -m benchmarks.drawn sheet docs/figures/drawn.jpg
"""

import argparse
import statistics
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.speed import processor
from src.data.drawn.photograph import draw_photograph

SEED = 2026
COLUMNS, ROWS, CELL = 6, 6, (480, 640)  # of the sheet, and height and width of a drawn picture
SHOWN = (186, 248)  # height and width of a picture in the sheet
LINE = 3  # pixels of the line around a picture


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drawn", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    speed = commands.add_parser("speed")
    speed.add_argument("--photos", type=int, default=40)
    speed.add_argument("--height", type=int, default=1000)
    speed.add_argument("--width", type=int, default=1500)
    commands.add_parser("sheet").add_argument("file", type=Path)
    chosen = parser.parse_args()
    if chosen.command == "sheet":
        sheet().save(chosen.file, quality=64, optimize=True)
    else:
        print(timed(chosen.photos, chosen.height, chosen.width))


def timed(photos: int, height: int, width: int) -> str:
    """Draw photographs, two of five cracked, on one core, and tell the processor's time of each."""
    cv2.setNumThreads(1)
    seconds = []
    for number in range(photos):
        rng = np.random.default_rng([SEED, number])
        started = time.process_time()
        draw_photograph(rng, height, width, cracked=number % 5 in (0, 2))
        seconds.append(time.process_time() - started)
    return (
        f"{photos} photographs of {width} x {height} pixels, one core, {processor()}: "
        f"median {statistics.median(seconds):.3f} s, mean {statistics.mean(seconds):.3f} s, "
        f"slowest {max(seconds):.2f} s"
    )


def sheet() -> Image.Image:
    """Lay out pictures in rows, cracked ones with a red line around them."""
    cells = []
    for number in range(COLUMNS * ROWS):
        cracked = number % 5 in (0, 2)
        drawn = draw_photograph(np.random.default_rng([SEED, number]), *CELL, cracked=cracked)
        small = cv2.resize(drawn.pixels, SHOWN[::-1], interpolation=cv2.INTER_AREA)
        colour = (215, 40, 30) if cracked else (255, 255, 255)
        around = cv2.copyMakeBorder(small, *(LINE,) * 4, cv2.BORDER_CONSTANT, value=colour)
        cells.append(np.pad(around, ((LINE, LINE), (LINE, LINE), (0, 0)), constant_values=255))
    rows = [np.hstack(cells[n : n + COLUMNS]) for n in range(0, len(cells), COLUMNS)]
    return Image.fromarray(np.vstack(rows))


if __name__ == "__main__":
    main()
