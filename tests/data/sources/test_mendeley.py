"""The archive comes through Mendeley's API, its direct link, or by hand."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from src.data.sources.mendeley import MendeleySource
from src.errors import InputError
from tests.data.sources.samples import CLASSES, NAMES, dataset, mendeley, pack, read
from tests.data.sources.servers import Answer, Server, answer_json, file, status, text

API = "/public-api/datasets/5y9wdsg2zt/files"
FILES = dataset(NAMES)


@pytest.fixture
def body(tmp_path: Path) -> bytes:
    return pack(tmp_path / "origin.rar", FILES, rar="rar40").read_bytes()


@pytest.fixture
def source(server: Server, tmp_path: Path, body: bytes) -> MendeleySource:
    """A source whose server has the archive at both addresses; the API lists a second file."""
    source = mendeley(server.address, body, tmp_path / "downloads")
    server.answers = {
        API: [answer_json([*listing(source, filename="other.txt"), *listing(source)])],
        "/expiring": [file(body)],
        "/direct": [file(body)],
    }
    return source


def listing(
    source: MendeleySource, *, filename: str | None = None, sha256: str | None = None
) -> list[Any]:
    """What the API answers."""
    details = {
        "id": "8a70d8a5",
        "sha256_hash": sha256 or source.data.sha256,
        "size": source.data.size,
        "content_type": "application/octet-stream",
        "download_url": source.data.direct_url.replace("direct", "expiring"),
        "download_expiry_time": 3600,
    }
    name = filename or source.data.filename
    return [{"filename": name, "id": "1", "size": source.data.size, "content_details": details}]


def collected(source: MendeleySource, tmp_path: Path) -> dict[str, bytes]:
    staging = tmp_path / "staging"
    staging.mkdir()
    source.collect(staging, CLASSES)
    return read(staging)


def paths(server: Server) -> list[str]:
    return [path.split("?")[0] for path, _ in server.requests]


def test_the_api_tells_the_address(server: Server, source: MendeleySource, tmp_path: Path) -> None:
    assert collected(source, tmp_path) == FILES
    (path, headers), (download, _) = server.requests
    assert path == f"{API}?folder_id=root&version=2"
    assert headers["Accept"] == "application/vnd.mendeley-public-dataset.1+json"
    assert download == "/expiring"
    assert source.name == "mendeley 5y9wdsg2zt version 2"


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(status(403), id="403"),
        pytest.param(status(500), id="500"),
        pytest.param(text(b"<html>"), id="html"),
        pytest.param(answer_json({"message": "moved"}), id="other-json"),
        pytest.param(answer_json(None), id="null"),
        pytest.param(answer_json([{"filename": "other.rar", "content_details": {}}]), id="no-file"),
    ],
)
def test_the_direct_link_serves_where_the_api_fails(
    server: Server, source: MendeleySource, tmp_path: Path, answer: Answer
) -> None:
    server.answers[API] = [answer]
    assert collected(source, tmp_path) == FILES
    assert set(paths(server)) == {API, "/direct"}


def test_the_direct_link_serves_where_the_api_lists_other_content(
    server: Server, source: MendeleySource, tmp_path: Path
) -> None:
    server.answers[API] = [answer_json(listing(source, sha256="0" * 64))]
    assert collected(source, tmp_path) == FILES
    assert paths(server) == [API, "/direct"]


@pytest.mark.parametrize("fault", ["refused", "wrong"])
def test_the_direct_link_serves_where_the_download_fails(
    server: Server, source: MendeleySource, tmp_path: Path, body: bytes, fault: str
) -> None:
    server.answers["/expiring"] = [status(403) if fault == "refused" else file(body[::-1])]
    assert collected(source, tmp_path) == FILES
    assert paths(server) == [API, "/expiring", "/direct"]


def test_the_direct_link_goes_on_where_the_other_broke_off(
    server: Server, source: MendeleySource, tmp_path: Path, body: bytes
) -> None:
    server.answers["/expiring"] = [file(body, length=1000), status(500)]
    assert collected(source, tmp_path) == FILES
    assert server.asked("/direct")[0]["Range"] == "bytes=1000-"


def test_two_failures_are_told_together_with_the_way_by_hand(
    server: Server, source: MendeleySource, tmp_path: Path
) -> None:
    server.answers = {API: [status(403)], "/direct": [status(403)]}
    with pytest.raises(InputError) as failure:
        collected(source, tmp_path)
    archive = tmp_path / "downloads" / source.data.filename
    assert str(failure.value) == (
        f"{source.data.filename} could not be fetched from Mendeley:\n"
        f"- {server.address}{API}?folder_id=root&version=2 answered 403 Forbidden\n"
        f"- {server.address}/direct answered 403 Forbidden\n"
        f"By hand: open {server.address}/direct in a browser, put the file at {archive} "
        f"({source.data.size:,} bytes, sha256 {source.data.sha256}), and run again."
    )


def test_a_file_put_there_by_hand_is_taken(
    server: Server, source: MendeleySource, tmp_path: Path, body: bytes
) -> None:
    Path(source.data.downloads).mkdir()
    Path(source.data.downloads, source.data.filename).write_bytes(body)
    assert collected(source, tmp_path) == FILES
    assert server.requests == []


def test_what_was_downloaded_once_is_kept(
    server: Server, source: MendeleySource, tmp_path: Path
) -> None:
    collected(source, tmp_path)
    asked = len(server.requests)
    (tmp_path / "again").mkdir()
    source.collect(tmp_path / "again", CLASSES)
    assert read(tmp_path / "again") == FILES
    assert len(server.requests) == asked


def test_another_file_put_there_by_hand_is_not_taken(
    server: Server, source: MendeleySource, tmp_path: Path
) -> None:
    Path(source.data.downloads).mkdir()
    archive = Path(source.data.downloads, source.data.filename)
    archive.write_bytes(b"<html>")
    answers = server.answers
    server.answers = {}
    with pytest.raises(InputError) as failure:
        collected(source, tmp_path)
    found = hashlib.sha256(b"<html>").hexdigest()
    assert f"- {archive} is another file (sha256 {found})\n" in str(failure.value)
    assert archive.read_bytes() == b"<html>"
    server.answers = answers
    (tmp_path / "again").mkdir()
    source.collect(tmp_path / "again", CLASSES)
    assert read(tmp_path / "again") == FILES
