"""Downloading over HTTP so that breaks, stalls and changed files do no harm."""

import contextlib
import datetime
import email.utils
import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
from tqdm import tqdm

from src.config.schema import Http
from src.data.files import file_sha256, write_text
from src.errors import InputError

logger = logging.getLogger(__name__)
T = TypeVar("T")


def http_client(http: Http) -> httpx.Client:
    """A client with these timeouts and this name that follows redirects."""
    timeout = httpx.Timeout(http.read_timeout, connect=http.connect_timeout)
    headers = {"User-Agent": http.user_agent}
    return httpx.Client(timeout=timeout, headers=headers, follow_redirects=True)


class Unavailable(InputError):
    """A server did not give what was asked of it.

    Attributes:
        passing: whether another try may succeed.
        wait: the seconds the server asked to wait before it, if it did.
    """

    def __init__(self, reason: str, *, passing: bool, wait: float | None = None) -> None:
        super().__init__(reason)
        self.passing = passing
        self.wait = wait


def get_json(url: str, *, headers: dict[str, str], http: Http) -> Any:
    """The JSON at `url`.

    Raises:
        Unavailable: every try failed, or the answer is no JSON.
    """

    def attempt() -> Any:
        with _answer(client, url, headers) as response:
            _check_status(response)
            return json.loads(response.read())

    with http_client(http) as client:
        try:
            return _persist(attempt, http, reached=lambda: 0)
        except ValueError as error:
            raise Unavailable(f"{url} answered no JSON ({error})", passing=False) from error


def download(url: str, target: Path, *, size: int, sha256: str, http: Http) -> None:
    """Download `url` to `target`, going on where an earlier try or a killed run ended.

    The bytes gather in `<target>.part`, with the server's mark of the file's version (its ETag
    or Last-Modified) in `<target>.part.version`: if the file has another version by the time the
    rest is asked for, or the server gives none, the download starts from nothing. The file gets
    its own name when its size and hash are right.

    Args:
        size: expected bytes.
        sha256: expected SHA-256, hex.

    Raises:
        Unavailable: every try failed, the server refuses, or gives a file of another size or
            hash. A part with the wrong hash is deleted, any other stays for the next try.
    """
    part = _Part(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with http_client(http) as client:
        _persist(lambda: _fill(part, client, url, size), http, reached=part.length)
    found = file_sha256(part.path)
    if found != sha256:
        part.discard()
        raise Unavailable(
            f"{url} gave a file with the wrong content (sha256 expected {sha256}, got {found}); "
            "it was deleted",
            passing=False,
        )
    part.path.replace(target)
    part.discard()


class _Part:
    """The bytes got so far, and which version of the file they are of."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._version = target.with_name(f"{target.name}.part.version")

    def length(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self) -> str | None:
        if not self._version.exists():
            return None
        mark = self._version.read_bytes().decode("ascii", "replace")
        # What can't have come from a header is damaged.
        return mark if mark.isascii() and mark.isprintable() else None

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._version.unlink(missing_ok=True)

    def start(self, version: str | None) -> None:
        self.discard()
        if version is not None:
            write_text(self._version, version)


def _fill(part: _Part, client: httpx.Client, url: str, size: int) -> None:
    """One try to get what `part` lacks."""
    start, version = part.length(), part.version()
    if start == size:
        return
    headers = {"Accept-Encoding": "identity"}
    if version is not None:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    with _answer(client, url, headers) as response:
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        beyond_end = response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE
        if beyond_end or (resumed and not _continues(response, start, size, version)):
            part.discard()
            raise Unavailable(f"{url} changed while it was downloaded", passing=True)
        _check_status(response)
        total = (start if resumed else 0) + int(response.headers.get("Content-Length", 0))
        if "Content-Length" in response.headers and total != size:
            raise Unavailable(
                f"{url} gives a file of {total:,} bytes, not the {size:,} expected", passing=False
            )
        if not resumed:
            part.start(_version(response))
        _append(part, response, url, size)


def _append(part: _Part, response: httpx.Response, url: str, size: int) -> None:
    start = part.length()
    bar = tqdm(total=size, initial=start, desc="downloading", unit="B", unit_scale=True)
    with bar, part.path.open("ab") as file:
        for chunk in response.iter_raw():
            file.write(chunk)
            bar.update(len(chunk))
            if file.tell() > size:
                raise Unavailable(f"{url} gives more than {size:,} bytes", passing=False)
    if part.length() < size:
        raise Unavailable(f"{url} broke off at {part.length():,} bytes", passing=True)


def _version(response: httpx.Response) -> str | None:
    """What If-Range may hold (RFC 9110, 13.1.5): a strong ETag, else the date of the change."""
    etag: str | None = response.headers.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        return etag
    date: str | None = response.headers.get("Last-Modified")
    return date


def _continues(response: httpx.Response, start: int, size: int, version: str | None) -> bool:
    """Whether a partial answer is the rest of the file that the first part is of."""
    asked = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    if asked is None or (int(asked[1]), int(asked[2])) != (start, size):
        return False
    marks = {response.headers.get("ETag"), response.headers.get("Last-Modified")} - {None}
    return not marks or version in marks


@contextlib.contextmanager
def _answer(client: httpx.Client, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    """The answer to a GET, its body not read yet; failures on the way become `Unavailable`."""
    try:
        with client.stream("GET", url, headers=headers) as response:
            yield response
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        passing = isinstance(error, httpx.TransportError)
        passing = passing and not isinstance(error, httpx.UnsupportedProtocol)
        reason = str(error) or type(error).__name__
        raise Unavailable(f"{url} failed: {reason}", passing=passing) from error


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if not response.is_success:
        raise Unavailable(
            f"{response.url} answered {status} {response.reason_phrase}".rstrip(),
            passing=status >= 500 or status in (408, 429),
            wait=_retry_after(response),
        )


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds of a Retry-After header, which gives them or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
    return max(0.0, (date - datetime.datetime.now(datetime.UTC)).total_seconds())


def _persist(attempt: Callable[[], T], http: Http, *, reached: Callable[[], int]) -> T:
    """Call `attempt` until it succeeds, fails for good, or fails too often without progress.

    `reached` tells how far the work has come.
    """
    failures, furthest = 0, reached()
    while True:
        try:
            return attempt()
        except Unavailable as failure:
            if reached() > furthest:
                failures, furthest = 0, reached()
            failures += 1
            wait = failure.wait
            if wait is None:
                wait = min(http.backoff * 2 ** (failures - 1), http.longest_wait)
            if not failure.passing or failures > http.retries or wait > http.longest_wait:
                raise
            logger.warning("%s; trying again in %.0f s", failure, wait)
            time.sleep(wait)
