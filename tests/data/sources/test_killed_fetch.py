"""A fetch killed at any point leaves the old images or the new, and the next one goes on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from src.data.sources.collection import collect_images
from src.data.sources.local import LocalSource
from src.errors import InputError
from tests.data.sources.fetching import OLD, fetched, on_disk
from tests.data.sources.samples import NAMES, dataset, lay_out, mendeley, pack, section
from tests.data.sources.servers import Server, answer_json, file

ROOT = Path(__file__).parents[3]


def run_and_kill(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Start a script in a process of its own, from the project's root."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT)


KILLED_AT_EVENT = """
import os, signal, sys
from pathlib import Path
from src.data.sources.collection import collect_images
from src.data.sources.local import LocalSource
from tests.data.sources.samples import section

event, count, origin, target = sys.argv[1], int(sys.argv[2]), *map(Path, sys.argv[3:])
seen = []

def kill(name, arguments):
    if name == event:
        seen.append(name)
        if len(seen) == count:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
collect_images(LocalSource(origin, max_ratio=20), section(target), reuse=False)
"""


@pytest.mark.slow
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
    with pytest.raises(InputError, match="memory has no files"):
        fetched(tmp_path, None)
    assert on_disk(tmp_path) == left
    collect_images(LocalSource(origin, max_ratio=20), section(target), reuse=False)
    assert on_disk(tmp_path) == dataset(NAMES)


KILLED_WHILE_DOWNLOADING = """
import sys
from pathlib import Path
from src.data.sources.collection import collect_images
from tests.data.sources.samples import mendeley, section

address, body, downloads, target = sys.argv[1], *map(Path, sys.argv[2:])
source = mendeley(address, body.read_bytes(), downloads)
collect_images(source, section(target), reuse=False)
"""


@pytest.mark.slow
def test_a_download_killed_half_way_goes_on_in_the_next_run(server: Server, tmp_path: Path) -> None:
    archive = pack(tmp_path / "origin.rar", dataset(NAMES), rar="rar40")
    body = archive.read_bytes()
    half = len(body) // 2
    server.answers["/public-api/datasets/5y9wdsg2zt/files"] = [answer_json([])]
    server.answers["/direct"] = [file(body, length=half, stall=True), file(body)]
    source = mendeley(server.address, body, tmp_path / "downloads")
    target = tmp_path / "work" / "data"
    part = Path(source.data.downloads, f"{source.data.filename}.part")

    process = run_and_kill(
        KILLED_WHILE_DOWNLOADING, server.address, archive, source.data.downloads, target
    )
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait(60)
    assert not target.exists()

    start = part.stat().st_size
    assert start > 0
    receipt = collect_images(source, section(target), reuse=False).receipt
    assert server.asked("/direct")[1]["Range"] == f"bytes={start}-"
    assert on_disk(tmp_path) == dataset(NAMES)
    assert receipt.source == "mendeley 5y9wdsg2zt version 2"


DRAWING = """
import sys
from pathlib import Path
from src.data.sources.collection import collect_images
from src.data.sources.synthetic import SyntheticSource
from tests.data.sources.samples import section

if __name__ == "__main__":
    data = section(Path(sys.argv[1]), images=100_000)
    collect_images(SyntheticSource(data), data, reuse=False)
"""


@pytest.mark.slow
def test_processes_that_draw_end_with_a_fetch_that_is_killed(tmp_path: Path) -> None:
    process = run_and_kill(DRAWING, tmp_path / "work" / "data")
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("*.jpg")) and time.monotonic() < deadline:
        time.sleep(0.1)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    process.kill()
    process.wait(60)
    _, alive = psutil.wait_procs(workers, timeout=60)
    for worker in alive:
        worker.kill()
    assert alive == []
