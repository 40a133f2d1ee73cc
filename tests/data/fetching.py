"""Fetches of files from memory into a folder of the test's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from src.data.dataset import Receipt
from src.data.sources.collection import fetch
from src.errors import InputError
from tests.data.samples import CLASSES, jpeg, lay_out, read

OPTIONS: dict[str, Any] = {
    "classes": CLASSES,
    "image_size": 227,
    "resize": False,
    "minimum_images": 2,
    "reuse": False,
}
OLD = {"Negative/old.jpg": jpeg(8), "Positive/old.jpg": jpeg(9)}


@dataclass(frozen=True)
class Files:
    """A source of files from memory; None stands for one that can't be had."""

    files: dict[str, bytes] | None
    name: str = "memory"

    def collect(self, staging: Path, classes: Sequence[str]) -> None:
        if self.files is None:
            raise InputError("memory can't be had")
        lay_out(staging, self.files)


def fetched(
    tmp_path: Path, files: dict[str, bytes] | None, **options: Any
) -> tuple[pd.DataFrame, Receipt]:
    return fetch(Files(files), target=tmp_path / "work" / "data", **OPTIONS | options)


def on_disk(tmp_path: Path) -> dict[str, bytes]:
    """The target's files; beside it nothing may lie but the listing of those fetched."""
    work = tmp_path / "work"
    assert {entry.name for entry in work.glob("*")} <= {"data", ".data.fetched.csv"}
    return read(work / "data")
