"""The feature bank: the frozen prefix's outputs, computed once and shared by all runs.

A bank is a folder. Its name is a fingerprint of everything that a feature depends on:

- the images and their size,
- the weights and the cut,
- the augmentation and its seed,
- the engine and its precision,
- the code that computes features.

A bank does not depend on the split, because a row belongs to an image, whichever part the image is
in. All splits, folds and training seeds share one bank, and each run adds the missing rows. View 0
is the unchanged image. The views above 0 are drawn by the augmentation layers.
"""

import hashlib
import json
import math
import mmap
import shutil
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout

from src.data.files import size_text, write_text
from src.errors import InputError

# Number of rows whose transformations are drawn together. A view's content depends on it.
CHUNK = 128
# The file in a bank's folder that is locked while a process writes to the bank.
LOCK = "lock"
# What the name of a bank begins with while it is removed.
REMOVED = ".removed-"


@dataclass
class Bank:
    """An opened bank.

    Attributes:
        folder: the bank's folder.
        rows: number of images that the bank has rows for.
        shape: shape of one image's features.
    """

    folder: Path
    rows: int
    shape: tuple[int, ...]

    @property
    def engine_error(self) -> float | None:
        """The error of the engine that last computed features for the bank, or None if unknown.

        See `src.bank.engine.check_engine`.
        """
        try:
            error = float((self.folder / "engine_error").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return error if 0 <= error < math.inf else None

    @engine_error.setter
    def engine_error(self, error: float) -> None:
        write_text(self.folder / "engine_error", f"{error}\n")

    def features(self, view: int) -> np.memmap:
        """Open a view's features (rows, *shape) float16, memory-mapped and read-only.

        Missing rows are zero.
        """
        shape = (self.rows, *self.shape)
        return np.memmap(self._file(view, "features"), dtype=np.float16, mode="r", shape=shape)

    def checksums(self, view: int) -> np.memmap:
        """Open a view's checksums (rows,) uint32, memory-mapped and read-only.

        The value is the CRC-32 of the row's features, or 0 for a missing row.
        """
        return np.memmap(
            self._file(view, "checksums"), dtype=np.uint32, mode="r", shape=(self.rows,)
        )

    def missing(self, view: int, rows: np.ndarray) -> np.ndarray:
        """Return those of `rows` (n,) int that are missing in the view."""
        absent: np.ndarray = np.asarray(self.checksums(view)[rows]) == 0
        return rows[absent]

    def store(self, view: int, rows: np.ndarray, features: np.ndarray) -> None:
        """Write features (n, *shape) float16 of the given rows (n,) int of a view.

        The checksums are written last, because they mark the features as complete.

        Raises:
            OSError: the disk is full. Nothing is written through the memory map, because a full
                disk would then end the process with a signal.
        """
        _write_rows(self._file(view, "features"), rows, features)
        sums = np.array([checksum(feature) for feature in features], np.uint32)
        _write_rows(self._file(view, "checksums"), rows, sums)

    def forget_damaged(self, view: int, rows: np.ndarray) -> int:
        """Mark those of `rows` as missing whose features do not match their checksums.

        Returns:
            The number of damaged rows.
        """
        features, sums = self.features(view), self.checksums(view)
        present = rows[np.asarray(sums[rows]) != 0]
        damaged = np.array(
            [row for row in present if checksum(features[row]) != sums[row]], np.int64
        )
        _write_rows(self._file(view, "checksums"), damaged, np.zeros(len(damaged), np.uint32))
        return len(damaged)

    def _file(self, view: int, kind: Literal["features", "checksums"]) -> Path:
        path = self.folder / f"view-{view:03d}.{kind}"
        if not self.folder.is_dir():
            raise InputError(f"the feature bank {self.folder} was removed meanwhile; run again")
        size = self.rows * (int(np.prod(self.shape)) * 2 if kind == "features" else 4)
        if not path.exists() or path.stat().st_size != size:
            # The file is sparse: rows that are never written take no space on the disk.
            with path.open("wb") as file:
                file.truncate(size)
        return path


def _write_rows(path: Path, rows: np.ndarray, values: np.ndarray) -> None:
    """Write values (n, …) in place of the rows (n,) of a file; neighbours in one go."""
    ends = np.flatnonzero(np.diff(rows) != 1) + 1
    with path.open("r+b") as file:
        for numbers, block in zip(np.split(rows, ends), np.split(values, ends), strict=True):
            if len(numbers):
                file.seek(int(numbers[0]) * block[0].nbytes)
                file.write(np.ascontiguousarray(block).data)


def release(features: np.ndarray) -> None:
    """Release the memory of a memory-mapped view; its pages stay in the system's file cache."""
    mapped = features.base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def checksum(feature: np.ndarray) -> int:
    """Compute the CRC-32 of one image's features, with 1 in place of 0."""
    return zlib.crc32(np.ascontiguousarray(feature).data) or 1


def bank_name(depends_on: Mapping[str, Any]) -> str:
    """Return a bank's name: 16 hex digits of the SHA-256 of all that its features depend on."""
    content = json.dumps(dict(depends_on), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def open_bank(root: Path, depends_on: Mapping[str, Any], rows: int, shape: tuple[int, ...]) -> Bank:
    """Open the bank under `root` that belongs to `depends_on`; create its folder if necessary.

    Args:
        root: the folder of all banks.
        depends_on: everything that the features depend on, see `bank_name`.
        rows: number of images.
        shape: shape of one image's features.
    """
    folder = root / bank_name(depends_on)
    about = {"depends_on": dict(depends_on), "rows": rows, "shape": list(shape)}
    text, file = json.dumps(about, indent=2), folder / "bank.json"
    # Made again where it is damaged: the folder's name vouches for what it says.
    if not file.exists() or file.read_bytes() != text.encode():
        write_text(file, text)
    return Bank(folder, rows, shape)


def lock(bank: Bank) -> FileLock:
    """Return the lock that a process holds while it writes into the bank."""
    return FileLock(bank.folder / LOCK)


def check_disk(bank: Bank, missing: int) -> int:
    """Return the number of bytes that `missing` rows will take.

    Raises:
        InputError: the disk has less free space than that.
    """
    needed = missing * int(np.prod(bank.shape)) * 2
    free = shutil.disk_usage(bank.folder).free
    if needed > free:
        raise InputError(
            f"the feature bank {bank.folder} needs {size_text(needed)} more and the disk "
            f"has {size_text(free)} free; set features.views lower or features.dir to another disk"
        )
    return needed


def list_banks(root: Path) -> Iterator[tuple[Path, dict[str, Any], int]]:
    """Yield each bank's folder, what its features depend on, and its size on disk in bytes."""
    for about in _descriptions(root):
        size = sum(file.stat().st_blocks * 512 for file in about.parent.iterdir())
        yield about.parent, _dependencies(about), size


def _descriptions(root: Path) -> list[Path]:
    banks = sorted(root.glob("*/bank.json"))
    return [about for about in banks if not about.parent.name.startswith(REMOVED)]


def _dependencies(about: Path) -> dict[str, Any]:
    try:
        depends_on = json.loads(about.read_text(encoding="utf-8"))["depends_on"]
    except (ValueError, TypeError, KeyError):
        depends_on = None
    return depends_on if isinstance(depends_on, dict) else {"damaged": about.name}


def remove_bank(root: Path, name: str) -> None:
    """Delete the bank whose folder is called `name`.

    Raises:
        InputError: there is no bank of this name, or a run is writing to it.
    """
    names = [about.parent.name for about in _descriptions(root)]
    if name not in names:
        there = ", ".join(names) or "none"
        raise InputError(f"no feature bank {name} in {root}; there are: {there}")
    try:
        with FileLock(root / name / LOCK, blocking=False):
            # A removal that is interrupted leaves no half of a bank under its name.
            (root / name).rename(root / f"{REMOVED}{name}")
    except Timeout as error:
        raise InputError(
            f"the feature bank {name} is in use: a run is writing to it; remove it afterwards"
        ) from error
    for folder in root.glob(f"{REMOVED}*"):
        shutil.rmtree(folder)
