"""A fetch killed at any point leaves the old images or the new, and the next one goes on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from src.data.sources.collection import fetch
from src.data.sources.local import LocalSource
from src.errors import InputError
from tests.data.fetching import OLD, OPTIONS, fetched, on_disk
from tests.data.samples import NAMES, dataset, lay_out, mendeley, pack
from tests.data.servers import Server, answer_json, file

ROOT = Path(__file__).parents[2]


def run_and_kill(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Start a script in a process of its own, from the project's root."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT)


KILLED_AT_EVENT = """
import os, signal, sys
from pathlib import Path
from src.data.sources.collection import fetch
from src.data.sources.local import LocalSource
from tests.data.fetching import OPTIONS

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
        pytest.param("os.rename", 2, OLD, id="with-the-listing-written"),
        pytest.param("os.rename", 3, OLD, id="between-old-and-new"),
        pytest.param("os.rename", 4, dataset(NAMES), id="before-the-listing-is-in-place"),
        pytest.param("shutil.rmtree", 1, dataset(NAMES), id="before-clearing-up"),
    ],
)
def test_a_killed_fetch_leaves_the_old_images_or_the_new(
    tmp_path: Path, event: str, count: int, left: dict[str, bytes]
) -> None:
    origin = lay_out(tmp_path / "origin", dataset(NAMES))
    fetched(tmp_path, OLD)
    target = tmp_path / "work" / "data"
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
from src.data.sources.collection import fetch
from tests.data.samples import mendeley
from tests.data.fetching import OPTIONS

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
