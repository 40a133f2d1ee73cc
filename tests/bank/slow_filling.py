"""Fills a bank slowly, and notes how far it is.

python -m tests.bank.slow_filling BANK IMAGES NOTE

BANK is the folder of banks, IMAGES that of the drawn patches, and NOTE gets a letter for each image
that features are computed of.
"""

import sys
import time
from pathlib import Path

import numpy as np

from src.bank.extraction import fill_bank
from src.bank.feature_bank import Bank, open_bank
from src.config.schema import Augment

AUGMENT = Augment(flip="horizontal", rotation=0.2, cameras=None, test_flips=False)
SHAPE = (4,)


def mean_colours(images: np.ndarray) -> np.ndarray:
    """A cheap prefix: four numbers an image, different for every view."""
    red, green, blue = images.reshape(len(images), -1, 3).mean(axis=1).T
    corner = images[:, 0, 0, 0]
    return np.stack([red, green, blue, corner], axis=1).astype(np.float16)


def bank_in(folder: Path, images: int) -> Bank:
    return open_bank(folder, {"cut": "test"}, images, SHAPE)


def wanted_of(images: int) -> dict[int, np.ndarray]:
    rows = np.arange(images)
    return {0: rows, 1: rows[::2], 2: rows[::2]}


def main(folder: str, root: str, note: str) -> None:
    def slowly(images: np.ndarray) -> np.ndarray:
        with Path(note).open("a") as file:
            file.write("i" * len(images))
        time.sleep(0.2)
        return mean_colours(images)

    paths = sorted(Path(root).rglob("*.jpg"))
    bank = bank_in(Path(folder), len(paths))
    fill_bank(bank, slowly, paths, wanted_of(len(paths)), AUGMENT, seed=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
