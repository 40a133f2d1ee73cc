"""Downloads go on where they broke off, and only the right file gets its name."""

import email.utils
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from src.config.source_schema import Http
from src.data.sources import download as download_module
from src.data.sources.download import Unavailable, download, get_json
from tests.data.sources.samples import patient
from tests.data.sources.servers import Answer, Server, answer_json, file, status, text, unsized

HTTP = patient()
BODY = bytes(range(256)) * 400
OTHER = BODY[::-1]


def get(server: Server, target: Path, *, http: Http = HTTP, sha256: str | None = None) -> bytes:
    """Download /file; what is left beside the target must be a part or nothing."""
    sha256 = sha256 or hashlib.sha256(BODY).hexdigest()
    download(f"{server.address}/file", target, size=len(BODY), sha256=sha256, http=http)
    assert list(target.parent.iterdir()) == [target]
    return target.read_bytes()


def ranges(server: Server) -> list[str | None]:
    return [headers.get("Range") for headers in server.asked("/file")]


def test_a_file_is_downloaded(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = [file(BODY)]
    assert get(server, tmp_path / "folder" / "a.rar") == BODY
    (headers,) = server.asked("/file")
    assert headers["User-Agent"] == "crack-detection-test/1"
    assert headers["Accept-Encoding"] == "identity"


def test_a_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = [status(302, Location="/elsewhere")]
    server.answers["/elsewhere"] = [file(BODY)]
    assert get(server, tmp_path / "a.rar") == BODY


@pytest.mark.parametrize("stall", [False, True])
def test_a_broken_or_stalled_download_goes_on(server: Server, tmp_path: Path, stall: bool) -> None:
    server.answers["/file"] = [file(BODY, length=70_000, stall=stall), file(BODY)]
    http = patient(read_timeout=0.2 if stall else 5.0)
    assert get(server, tmp_path / "a.rar", http=http) == BODY
    assert ranges(server) == [None, "bytes=70000-"]
    assert server.asked("/file")[1]["If-Range"] == '"1"'


def test_the_date_of_the_change_serves_where_there_is_no_strong_etag(
    server: Server, tmp_path: Path
) -> None:
    marks: dict[str, Any] = {"etag": 'W/"1"', "modified": 1e9}
    server.answers["/file"] = [file(BODY, length=1000, **marks), file(BODY, **marks)]
    assert get(server, tmp_path / "a.rar") == BODY
    assert ranges(server) == [None, "bytes=1000-"]
    assert server.asked("/file")[1]["If-Range"] == email.utils.formatdate(1e9, usegmt=True)


def test_without_a_mark_of_the_version_a_download_starts_again(
    server: Server, tmp_path: Path
) -> None:
    server.answers["/file"] = [file(BODY, etag=None, length=1000), file(BODY, etag=None)]
    assert get(server, tmp_path / "a.rar") == BODY
    assert ranges(server) == [None, None]


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = [file(BODY, length=1000), file(BODY, ranges=False)]
    assert get(server, tmp_path / "a.rar") == BODY
    assert ranges(server) == [None, "bytes=1000-"]


@pytest.mark.parametrize("heed_if_range", [True, False])
def test_a_file_changed_between_two_parts_starts_again(
    server: Server, tmp_path: Path, heed_if_range: bool
) -> None:
    new = file(BODY, etag='"new"', heed_if_range=heed_if_range)
    server.answers["/file"] = [file(OTHER, etag='"old"', length=1000), new]
    assert get(server, tmp_path / "a.rar") == BODY
    assert ranges(server) == [None, "bytes=1000-", *([] if heed_if_range else [None])]


@pytest.mark.parametrize(
    "answer", [file(BODY + b"longer", heed_if_range=False), status(416)], ids=["longer", "416"]
)
def test_a_rest_that_does_not_fit_starts_again(
    server: Server, tmp_path: Path, answer: Answer
) -> None:
    server.answers["/file"] = [file(BODY, length=1000), answer, file(BODY)]
    assert get(server, tmp_path / "a.rar") == BODY
    assert ranges(server) == [None, "bytes=1000-", None]


def test_a_part_left_by_an_earlier_run_is_used(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = [file(BODY, length=1000), status(503)]
    with pytest.raises(Unavailable, match="answered 503 Service Unavailable"):
        get(server, tmp_path / "a.rar")
    server.answers["/file"] = [file(BODY)]
    assert get(server, tmp_path / "a.rar") == BODY
    assert ranges(server)[-1] == "bytes=1000-"


def test_a_part_that_only_lacked_its_check_is_not_asked_for_again(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "a.rar.part").write_bytes(BODY)
    (tmp_path / "a.rar.part.version").write_text('"1"')
    assert get(server, tmp_path / "a.rar") == BODY
    assert server.requests == []


@pytest.mark.parametrize("code", [500, 503, 429, 408])
def test_a_passing_failure_is_tried_again(server: Server, tmp_path: Path, code: int) -> None:
    server.answers["/file"] = [status(code), status(code), file(BODY)]
    assert get(server, tmp_path / "a.rar") == BODY


def test_no_wait_is_longer_than_the_longest(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = [status(500), file(BODY)]
    assert get(server, tmp_path / "a.rar", http=patient(backoff=3600.0)) == BODY


def test_failures_in_a_row_are_counted(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = [status(500)]
    with pytest.raises(Unavailable, match="/file answered 500 Internal Server Error"):
        get(server, tmp_path / "a.rar")
    assert len(server.requests) == 1 + HTTP.retries


def test_progress_starts_the_count_of_failures_afresh(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = [file(BODY, length=10_000)]  # breaks off ten times
    assert get(server, tmp_path / "a.rar", http=patient(retries=1)) == BODY


def test_a_file_that_keeps_changing_is_given_up(server: Server, tmp_path: Path) -> None:
    changing = [file(BODY, etag=f'"{i}"', length=10_000) for i in range(20)]
    server.answers["/file"] = changing
    with pytest.raises(Unavailable):
        get(server, tmp_path / "a.rar")
    assert len(server.requests) == 1 + HTTP.retries


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_refusal_is_not_tried_again(server: Server, tmp_path: Path, code: int) -> None:
    server.answers["/file"] = [status(code)]
    with pytest.raises(Unavailable, match=f"/file answered {code} "):
        get(server, tmp_path / "a.rar")
    assert len(server.requests) == 1


def test_the_wait_a_server_asks_for_is_kept(server: Server, tmp_path: Path) -> None:
    past = time.time() - 60
    server.answers["/file"] = [
        status(429, Retry_After="0"),
        status(503, Retry_After=email.utils.formatdate(past, usegmt=True)),
        status(503, Retry_After=email.utils.formatdate(past)),  # -0000 instead of GMT
        file(BODY),
    ]
    http = patient(retries=3, backoff=3600.0, longest_wait=3600.0)
    assert get(server, tmp_path / "a.rar", http=http) == BODY


@pytest.mark.parametrize("wait", ["3600", email.utils.formatdate(4e9, usegmt=True)])
def test_a_server_that_asks_to_wait_too_long_is_given_up(
    server: Server, tmp_path: Path, wait: str
) -> None:
    server.answers["/file"] = [status(503, Retry_After=wait)]
    with pytest.raises(Unavailable, match="answered 503"):
        get(server, tmp_path / "a.rar")
    assert len(server.requests) == 1


def test_a_wrong_hash_is_said_and_the_part_deleted(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = [file(OTHER)]
    expected, got = hashlib.sha256(BODY).hexdigest(), hashlib.sha256(OTHER).hexdigest()
    with pytest.raises(Unavailable, match=f"sha256 expected {expected}, got {got}.*was deleted"):
        get(server, tmp_path / "a.rar")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (text(b"<html>Log in</html>"), "gives a file of 19 bytes, not the 102,400 expected"),
        (unsized(BODY + b"more"), "gives more than 102,400 bytes"),
        (unsized(BODY[:-1]), "broke off at 102,399 bytes"),
    ],
    ids=["shorter", "endless", "unsized"],
)
def test_another_size_is_said(server: Server, tmp_path: Path, answer: Answer, problem: str) -> None:
    server.answers["/file"] = [answer]
    with pytest.raises(Unavailable, match=problem):
        get(server, tmp_path / "a.rar")
    assert not (tmp_path / "a.rar").exists()
    server.answers["/file"] = [file(BODY)]
    assert get(server, tmp_path / "a.rar") == BODY


@pytest.mark.parametrize(
    ("url", "retries"),
    [
        ("http://127.0.0.1:1/file", HTTP.retries),
        ("ftp://127.0.0.1/file", 0),
        ("http://127.0.0.1:port/file", 0),
        ("nonsense", 0),
    ],
)
def test_an_address_that_leads_nowhere_is_named(
    tmp_path: Path, heard: Callable[[ModuleType], list[str]], url: str, retries: int
) -> None:
    messages = heard(download_module)
    with pytest.raises(Unavailable, match=f"^{url} failed: "):
        download(url, tmp_path / "a.rar", size=1, sha256="", http=HTTP)
    assert "\n".join(messages).count("trying again") == len(messages) == retries


def test_json_is_asked_for_as_patiently(server: Server) -> None:
    server.answers["/list"] = [status(500), answer_json([1, {"a": "ü"}])]
    headers = {"Accept": "application/x"}
    url = f"{server.address}/list"
    assert get_json(url, headers=headers, http=HTTP) == [1, {"a": "ü"}]
    assert server.asked("/list")[1]["Accept"] == "application/x"


def test_an_answer_that_is_no_json_is_named(server: Server) -> None:
    server.answers["/list"] = [text(b"<html>\xff")]
    with pytest.raises(Unavailable, match="/list answered no JSON"):
        get_json(f"{server.address}/list", headers={}, http=HTTP)
