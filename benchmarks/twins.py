"""Measure how the search for twins grows on a folder of images, and check what it finds.

python -m benchmarks.twins data [--counts 5000 10000 20000 40000] [--every-two]

Of each number of images the byte-unique ones are taken, in a random order. With --every-two, every
two images are compared as well, and both must find the same pairs.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.scale import exponent
from benchmarks.speed import processor
from src.data.files import file_sha256
from src.data.related.twins import TURNS, correlate, normalised, thumbnails

SIZE, THRESHOLD, MIN_CONTRAST = 24, 0.98, 1.0  # as in conf/audit/twins.yaml
BLOCK = 2048

Pairs = set[tuple[int, int, str]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.twins", description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[5000, 10_000, 20_000, 40_000])
    parser.add_argument("--every-two", action="store_true")
    chosen = parser.parse_args()
    vectors = np.random.default_rng(0).permutation(unique_thumbnails(chosen.images))
    searches = {"hashes": by_hashes} | ({"every two": every_two} if chosen.every_two else {})
    counts = sorted({min(count, len(vectors)) for count in chosen.counts})
    seconds: dict[str, list[float]] = {name: [] for name in searches}
    print(f"Processor: {processor()}.\n")
    for count in counts:
        found = {}
        for name, search in searches.items():
            started = time.process_time()
            found[name] = search(vectors[:count])
            seconds[name].append(time.process_time() - started)
        told = ", ".join(f"{name} {times[-1]:.1f} s" for name, times in seconds.items())
        print(f"{count:,} images: {told}; {len(found['hashes']):,} pairs")
        if any(pairs != found["hashes"] for pairs in found.values()):
            raise SystemExit("the searches do not find the same pairs")
    for name, times in seconds.items():
        if len(counts) > 1:
            print(f"{name}: seconds of the processor grow with power {exponent(counts, times):.2f}")


def unique_thumbnails(folder: Path) -> np.ndarray:
    """Read the normalised thumbnails (n, SIZE, SIZE) float32 of the byte-unique images."""
    files = pd.Series(sorted(folder.rglob("*.jpg")))
    return normalised(thumbnails(files[~files.map(file_sha256).duplicated()], SIZE), MIN_CONTRAST)


def by_hashes(vectors: np.ndarray) -> Pairs:
    """Search as the audit does."""
    pairs, _ = correlate(vectors, threshold=THRESHOLD)
    return set(zip(pairs.left, pairs.right, pairs.kind, strict=True))


def every_two(vectors: np.ndarray) -> Pairs:
    """Compare every two images by matrix products."""
    upright, found = vectors.reshape(len(vectors), -1), set()
    for kind, turn in TURNS.items():
        turned = np.ascontiguousarray(turn(vectors)).reshape(upright.shape)
        for start in range(0, len(vectors), BLOCK):
            for other in range(start, len(vectors), BLOCK):
                correlation = upright[start : start + BLOCK] @ turned[other : other + BLOCK].T
                left, right = np.nonzero(correlation > THRESHOLD)
                left, right = left + start, right + other
                once = left < right
                found |= set(zip(left[once], right[once], [kind] * int(once.sum()), strict=True))
    return found


if __name__ == "__main__":
    main()
