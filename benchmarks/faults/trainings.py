"""Many trainings in one process: its memory and its open files stay flat."""

import gc
from collections import Counter
from contextlib import chdir
from pathlib import Path

import psutil

from benchmarks.faults.workspace import TINY, small_weights_in
from src.config.loader import compose_config

# Trainings before the measure begins, which fill the caches of libraries.
WARM = 2
# Growth from the first measure to the last that is allowed: MiB in all, and files.
MOST_MIB, MOST_FILES = 150, 5


def train_often(count: int, seed: int, root: Path) -> Counter[tuple[str, str]]:
    """Train `count` times in this process, and measure its memory and its open files.

    Args:
        count: number of trainings after the first two.
        seed: the seed of the first training; each further one has the next.
        root: the folder to work in.

    Returns:
        Memory in MiB and open files at the beginning, the end and the peak.

    Raises:
        RuntimeError: the process has grown.
    """
    from src.pipeline.tracked_run import train_and_track

    process, measured = psutil.Process(), []
    weights = small_weights_in(root)
    chosen = [*TINY, *(f"model.imagenet.{key}={value}" for key, value in weights.items())]
    chosen.append(f"tracking.uri='sqlite:///{root.resolve()}/mlruns/mlflow.db'")
    with chdir(root):
        for number in range(WARM + count):
            train_and_track(compose_config([*chosen, f"seed={seed + number}"]))
            gc.collect()
            mib, files = process.memory_info().rss // 2**20, process.num_fds()
            if number >= WARM - 1:
                measured.append((mib, files))
            print(f"training {number + 1}: {mib} MiB, {files} open files", flush=True)
    (mib, files), (last_mib, last_files) = measured[0], measured[-1]
    if last_mib - mib > MOST_MIB or last_files - files > MOST_FILES:
        raise RuntimeError(f"grown from {mib} MiB and {files} files to {last_mib} and {last_files}")
    figures = {"at first": measured[0], "at last": measured[-1], "at most": max(measured)}
    return Counter(
        {
            (unit, when): figure
            for when, both in figures.items()
            for unit, figure in zip(("MiB", "open files"), both, strict=True)
        }
    )
