"""Fetches of files from memory into a folder of the test's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from src.data.dataset import Collected, Origin, Receipt
from src.data.sources.collection import collect_images
from src.errors import InputError
from tests.data.sources.samples import jpeg, lay_out, read, section

OLD = {"Negative/old.jpg": jpeg(8), "Positive/old.jpg": jpeg(9)}


@dataclass(frozen=True)
class Files:
    """A source of files from memory; None stands for a source without any."""

    files: dict[str, bytes] | None
    name: str = "memory"
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def state(self, classes: Sequence[str]) -> None:
        return None

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        if self.files is None:
            raise InputError("memory has no files")
        lay_out(staging, self.files)
        return Collected(origins=self.origins)


def fetched(
    tmp_path: Path, files: dict[str, bytes] | None, *, reuse: bool = False, **options: Any
) -> tuple[pd.DataFrame, Receipt]:
    data = section(tmp_path / "work" / "data", **options)
    dataset = collect_images(Files(files), data, reuse=reuse)
    return dataset.listing, dataset.receipt


def on_disk(tmp_path: Path) -> dict[str, bytes]:
    """The target's files; beside it nothing may lie but the listing of those fetched."""
    work = tmp_path / "work"
    assert {entry.name for entry in work.glob("*")} <= {"data", ".data.fetched.csv"}
    return read(work / "data")
