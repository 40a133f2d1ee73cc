"""A fetch checks every image, accounts for each, and is all or nothing on disk."""

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from src.data.fetch import SyntheticSource, fetch
from src.data.local import LocalSource
from src.data.receipt import Receipt, Rejected
from src.errors import InputError
from tests.data.samples import (
    CLASSES,
    NAMES,
    dataset,
    encode,
    jpeg,
    lay_out,
    mendeley,
    pack,
    picture,
    read,
)
from tests.data.servers import Server, answer_json, file

ROOT = Path(__file__).parents[2]
OPTIONS: dict[str, Any] = {
    "classes": CLASSES,
    "image_size": 227,
    "resize": False,
    "minimum_images": 2,
    "reuse": False,
}
OLD = {"Negative/old.jpg": jpeg(8), "Positive/old.jpg": jpeg(9)}
BAD = {
    "Negative/cut.jpg": jpeg()[:-100],
    "Positive/grey.jpg": encode(picture().convert("L")),
    "Positive/large.jpg": encode(picture(width=300)),
    "Positive/notes.txt": b"?",
}


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
    """The target's files; nothing may lie beside it."""
    work = tmp_path / "work"
    assert [entry.name for entry in work.glob("*")] in ([], ["data"])
    return read(work / "data")


def test_listing_and_receipt_account_for_every_image(tmp_path: Path) -> None:
    files = dataset(NAMES)
    listing, receipt = fetched(tmp_path, files)
    assert on_disk(tmp_path) == files
    assert listing.to_dict("records") == [
        {
            "path": name,
            "label": CLASSES.index(name.split("/")[0]),
            "bytes": len(files[name]),
            "sha256": hashlib.sha256(files[name]).hexdigest(),
        }
        for name in sorted(NAMES)
    ]
    lines = "".join(f"{row.sha256}  {row.path}\n" for row in listing.itertuples())
    assert receipt == Receipt(
        source="memory",
        counts={"Negative": 2, "Positive": 2},
        rejected=(),
        resized=0,
        fingerprint=hashlib.sha256(lines.encode()).hexdigest(),
    )


def test_the_label_is_the_place_in_the_classes(tmp_path: Path) -> None:
    listing, receipt = fetched(tmp_path, dataset(NAMES), classes=("Positive", "Negative"))
    labels = dict(zip(listing["path"], listing["label"], strict=True))
    assert (labels["Positive/00001.jpg"], labels["Negative/00001.jpg"]) == (0, 1)
    assert list(receipt.counts) == ["Positive", "Negative"]


def test_bad_images_are_left_out_with_their_reason(tmp_path: Path) -> None:
    listing, receipt = fetched(tmp_path, dataset(NAMES) | BAD)
    assert on_disk(tmp_path) == dataset(NAMES)
    assert list(listing["path"]) == sorted(NAMES)
    assert [item.path for item in receipt.rejected] == sorted(BAD)
    assert receipt.rejected[1:] == (
        Rejected("Positive/grey.jpg", "grey, not RGB"),
        Rejected("Positive/large.jpg", "300 x 227 pixels, not 227 x 227"),
        Rejected("Positive/notes.txt", "not a JPEG"),
    )
    assert receipt.rejected[0].reason.startswith("truncated or damaged: ")


def test_resized_images_are_counted_and_listed_as_they_are_kept(tmp_path: Path) -> None:
    listing, receipt = fetched(tmp_path, dataset(NAMES) | BAD, resize=True)
    assert (receipt.resized, len(receipt.rejected)) == (1, 3)
    kept = on_disk(tmp_path)
    assert kept["Positive/large.jpg"] != BAD["Positive/large.jpg"]
    sha256 = dict(zip(listing["path"], listing["sha256"], strict=True))
    assert sha256 == {name: hashlib.sha256(data).hexdigest() for name, data in kept.items()}


@pytest.mark.parametrize(
    ("files", "minimum_images", "problem"),
    [
        (
            {"Negative/1.jpg": jpeg(), **BAD},
            1,
            r"memory: a class has no usable image \(found 1 Negative, 0 Positive; left out 4: "
            r"Negative/cut.jpg: truncated .*; Positive/grey.jpg: grey, not RGB; ",
        ),
        (
            dataset(NAMES),
            40_000,
            r"fewer than the 40,000 usable images asked for \(found 2 Negative, 2 Positive; left "
            r"out 0\)\.",
        ),
        ({f"Negative/{i}.jpg": b"" for i in range(7)}, 1, "Negative/4.jpg: .* and 2 more"),
        (None, 1, "can't be had"),
    ],
)
@pytest.mark.parametrize("old", [{}, OLD])
def test_too_few_images_are_an_error_that_leaves_all_as_it_was(
    tmp_path: Path,
    files: dict[str, bytes] | None,
    minimum_images: int,
    problem: str,
    old: dict[str, bytes],
) -> None:
    lay_out(tmp_path / "work" / "data", old)
    with pytest.raises(InputError, match=problem):
        fetched(tmp_path, files, minimum_images=minimum_images)
    assert on_disk(tmp_path) == old


def test_a_new_fetch_replaces_the_old_images(tmp_path: Path) -> None:
    lay_out(tmp_path / "work" / "data", OLD)
    fetched(tmp_path, dataset(NAMES))
    assert on_disk(tmp_path) == dataset(NAMES)


def test_a_folder_with_something_else_in_it_is_not_replaced(tmp_path: Path) -> None:
    precious = OLD | {"thesis.tex": b"..."}
    lay_out(tmp_path / "work" / "data", precious)
    with pytest.raises(InputError, match=r"data would be replaced, but holds thesis\.tex"):
        fetched(tmp_path, dataset(NAMES))
    assert on_disk(tmp_path) == precious


def test_images_that_are_there_are_checked_and_not_fetched(tmp_path: Path) -> None:
    files = dataset(NAMES) | BAD
    cache = lay_out(tmp_path / "cache", files)
    for name in files:  # as DVC restores them: read-only, linked to its cache
        (cache / name).chmod(0o444)
        (tmp_path / "work" / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / "data" / name).hardlink_to(cache / name)
    listing, receipt = fetched(tmp_path, None, reuse=True, resize=True)
    assert list(listing["path"]) == sorted(NAMES)
    assert [item.path for item in receipt.rejected] == sorted(BAD)
    assert receipt.resized == 0
    assert on_disk(tmp_path) == files


def test_the_same_images_give_the_same_receipt_fetched_or_restored(tmp_path: Path) -> None:
    listing, receipt = fetched(tmp_path, dataset(NAMES))
    listing_again, receipt_again = fetched(tmp_path, None, reuse=True)
    assert receipt_again == receipt
    pd.testing.assert_frame_equal(listing_again, listing)


def test_too_few_images_that_are_there_are_an_error(tmp_path: Path) -> None:
    lay_out(tmp_path / "work" / "data", OLD)
    with pytest.raises(InputError, match=r"fewer than the 3 usable.* Delete .*data to fetch them"):
        fetched(tmp_path, dataset(NAMES), reuse=True, minimum_images=3)
    assert on_disk(tmp_path) == OLD


@pytest.mark.parametrize("old", [{}, {"Negative/old.jpg": jpeg(8)}])
def test_images_are_fetched_where_a_class_has_none(tmp_path: Path, old: dict[str, bytes]) -> None:
    lay_out(tmp_path / "work" / "data", old)
    fetched(tmp_path, dataset(NAMES), reuse=True)
    assert on_disk(tmp_path) == dataset(NAMES)


def test_synthetic_images_pass(tmp_path: Path) -> None:
    source = SyntheticSource(images=4, seed=3, size=227)
    listing, receipt = fetch(source, target=tmp_path / "work" / "data", **OPTIONS)
    assert receipt.counts == {"Negative": 2, "Positive": 2}
    assert receipt.source == "synthetic, 4 images, seed 3"
    assert sorted(on_disk(tmp_path)) == list(listing["path"])


def run_and_kill(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Start a script in a process of its own, from the project's root."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT)


KILLED_AT_EVENT = """
import os, signal, sys
from pathlib import Path
from src.data.fetch import fetch
from src.data.local import LocalSource
from tests.data.test_fetch import OPTIONS

event, count, origin, target = sys.argv[1], int(sys.argv[2]), *map(Path, sys.argv[3:])
seen = []

def kill(name, arguments):
    if name == event:
        seen.append(name)
        if len(seen) == count:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
fetch(LocalSource(origin, max_ratio=20), target=target, **OPTIONS)
"""


@pytest.mark.parametrize(
    ("event", "count", "left"),
    [
        pytest.param("shutil.copyfile", 3, OLD, id="while-collecting"),
        pytest.param("os.rename", 2, OLD, id="between-old-and-new"),
        pytest.param("shutil.rmtree", 1, dataset(NAMES), id="before-clearing-up"),
    ],
)
def test_a_killed_fetch_leaves_the_old_images_or_the_new(
    tmp_path: Path, event: str, count: int, left: dict[str, bytes]
) -> None:
    origin = lay_out(tmp_path / "origin", dataset(NAMES))
    target = lay_out(tmp_path / "work" / "data", OLD)
    process = run_and_kill(KILLED_AT_EVENT, event, count, origin, target)
    assert process.wait(60) == -signal.SIGKILL
    assert (tmp_path / "work" / ".data.staging").exists()
    with pytest.raises(InputError, match="can't be had"):
        fetched(tmp_path, None)
    assert on_disk(tmp_path) == left
    fetch(LocalSource(origin, max_ratio=20), target=target, **OPTIONS)
    assert on_disk(tmp_path) == dataset(NAMES)


KILLED_WHILE_DOWNLOADING = """
import sys
from pathlib import Path
from src.data.fetch import fetch
from tests.data.samples import mendeley
from tests.data.test_fetch import OPTIONS

address, body, downloads, target = sys.argv[1], *map(Path, sys.argv[2:])
fetch(mendeley(address, body.read_bytes(), downloads), target=target, **OPTIONS)
"""


def test_a_download_killed_half_way_goes_on_in_the_next_run(server: Server, tmp_path: Path) -> None:
    archive = pack(tmp_path / "origin.rar", dataset(NAMES), rar="rar40")
    body = archive.read_bytes()
    half = len(body) // 2
    server.answers["/public-api/datasets/5y9wdsg2zt/files"] = [answer_json([])]
    server.answers["/direct"] = [file(body, length=half, stall=True), file(body)]
    source = mendeley(server.address, body, tmp_path / "downloads")
    target = tmp_path / "work" / "data"
    part = source.downloads / f"{source.filename}.part"

    process = run_and_kill(
        KILLED_WHILE_DOWNLOADING, server.address, archive, source.downloads, target
    )
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait(60)
    assert not target.exists()

    start = part.stat().st_size
    assert start > 0
    _, receipt = fetch(source, target=target, **OPTIONS)
    assert server.asked("/direct")[1]["Range"] == f"bytes={start}-"
    assert on_disk(tmp_path) == dataset(NAMES)
    assert receipt.source == "mendeley 5y9wdsg2zt version 2"
