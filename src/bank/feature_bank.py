"""The feature bank: the frozen prefix's outputs, computed once and shared by all runs.

A bank is a folder named by a fingerprint of what a feature depends on: the images, the weights,
the cut, the image size, the augmentation and its seed, the engine and its precision, and the code
that computes features. It does not depend on the split: a row belongs to an image, whichever part
the image is in. So all splits, folds and training seeds share one bank, and each adds the rows that
are missing. View 0 is the image as it is; view v > 0 is drawn by the augmentation layers.
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
from typing import Any

import numpy as np
from filelock import FileLock

from src.data.files import size_text, write_text
from src.errors import InputError

# Rows that draw their transformations together; fixed, as a view's content depends on it.
CHUNK = 128


@dataclass
class Bank:
    """An opened bank.

    Attributes:
        folder: where it lies.
        rows: how many images it has room for.
        shape: of one feature.
    """

    folder: Path
    rows: int
    shape: tuple[int, ...]

    @property
    def engine_error(self) -> float | None:
        """Of the engine that last computed features for it, see `check_engine`; None: not noted."""
        try:
            error = float((self.folder / "engine_error").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return error if 0 <= error < math.inf else None

    @engine_error.setter
    def engine_error(self, error: float) -> None:
        write_text(self.folder / "engine_error", f"{error}\n")

    def features(self, view: int) -> np.memmap:
        """(rows, *shape) float16, memory-mapped and writable; missing rows are zero."""
        return self._map(view, "features", np.float16, (self.rows, *self.shape))

    def checksums(self, view: int) -> np.memmap:
        """(rows,) uint32, memory-mapped: crc32 of each row of the view, 0 where it is missing."""
        return self._map(view, "checksums", np.uint32, (self.rows,))

    def missing(self, view: int, rows: np.ndarray) -> np.ndarray:
        """Those of `rows` (n,) int that the view lacks."""
        absent: np.ndarray = np.asarray(self.checksums(view)[rows]) == 0
        return rows[absent]

    def store(self, view: int, rows: np.ndarray, features: np.ndarray) -> None:
        """Write features (n, *shape) float16, and only then the checksums that vouch for them."""
        target, sums = self.features(view), self.checksums(view)
        target[rows] = features
        target.flush()
        sums[rows] = [checksum(feature) for feature in features]
        sums.flush()

    def forget_damaged(self, view: int, rows: np.ndarray) -> int:
        """Mark as missing those of `rows` whose content is not what was written; how many."""
        features, sums = self.features(view), self.checksums(view)
        present = rows[np.asarray(sums[rows]) != 0]
        damaged = [row for row in present if checksum(features[row]) != sums[row]]
        sums[damaged] = 0
        return len(damaged)

    def _map(self, view: int, kind: str, dtype: type, shape: tuple[int, ...]) -> np.memmap:
        path = self.folder / f"view-{view:03d}.{kind}"
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if not path.exists() or path.stat().st_size != size:
            # A sparse file: rows that are never written take no disk.
            with path.open("wb") as file:
                file.truncate(size)
        return np.memmap(path, dtype=dtype, mode="r+", shape=shape)


def release(features: np.ndarray) -> None:
    """Let go of the memory that a view's pages took; they stay in the system's own cache."""
    mapped = features.base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def checksum(feature: np.ndarray) -> int:
    """crc32 of one feature, never 0."""
    return zlib.crc32(np.ascontiguousarray(feature).data) or 1


def bank_name(depends_on: Mapping[str, Any]) -> str:
    """16 hex digits of the sha256 over all that a bank's features depend on."""
    content = json.dumps(dict(depends_on), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def open_bank(root: Path, depends_on: Mapping[str, Any], rows: int, shape: tuple[int, ...]) -> Bank:
    """Open the bank that `depends_on` names under `root`, making its folder if need be."""
    folder = root / bank_name(depends_on)
    about = {"depends_on": dict(depends_on), "rows": rows, "shape": list(shape)}
    text, file = json.dumps(about, indent=2), folder / "bank.json"
    # Made again where it is damaged: the folder's name vouches for what it says.
    if not file.exists() or file.read_bytes() != text.encode():
        write_text(file, text)
    return Bank(folder, rows, shape)


def lock(bank: Bank) -> FileLock:
    """Held by the one process that writes into the bank."""
    return FileLock(bank.folder / "lock")


def check_disk(bank: Bank, missing: int) -> int:
    """The bytes that `missing` rows will take.

    Raises:
        InputError: the disk has less room than that.
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
    """Each bank's folder, what it depends on, and the bytes it takes on disk."""
    for about in sorted(root.glob("*/bank.json")):
        size = sum(file.stat().st_blocks * 512 for file in about.parent.iterdir())
        yield about.parent, _dependencies(about), size


def _dependencies(about: Path) -> dict[str, Any]:
    try:
        depends_on = json.loads(about.read_text(encoding="utf-8"))["depends_on"]
    except (ValueError, TypeError, KeyError):
        depends_on = None
    return depends_on if isinstance(depends_on, dict) else {"damaged": about.name}


def remove_bank(root: Path, name: str) -> None:
    """Delete the bank whose folder is called `name`.

    Raises:
        InputError: there is none.
    """
    names = [about.parent.name for about in sorted(root.glob("*/bank.json"))]
    if name not in names:
        there = ", ".join(names) or "none"
        raise InputError(f"no feature bank {name} in {root}; there are: {there}")
    shutil.rmtree(root / name)
