"""Downloading over HTTP, even if the connection breaks or stalls, or the file changes."""

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

from src.config.source_schema import Http
from src.data.files import file_sha256, write_text
from src.errors import InputError

logger = logging.getLogger(__name__)
T = TypeVar("T")


def http_client(http: Http) -> httpx.Client:
    """Make a client with these timeouts and this user agent. It follows redirects."""
    timeout = httpx.Timeout(http.read_timeout, connect=http.connect_timeout)
    headers = {"User-Agent": http.user_agent}
    return httpx.Client(timeout=timeout, headers=headers, follow_redirects=True)


class Unavailable(InputError):
    """A server did not answer, or did not give the requested file.

    Attributes:
        passing: whether another attempt may succeed.
        wait: the time in seconds after which the server asked for another attempt, or None.
    """

    def __init__(self, reason: str, *, passing: bool, wait: float | None = None) -> None:
        super().__init__(reason)
        self.passing = passing
        self.wait = wait


def get_json(url: str, *, headers: dict[str, str], http: Http) -> Any:
    """Download and parse the JSON at `url`.

    Args:
        url: the address.
        headers: headers of the request.
        http: timeouts and retries.

    Raises:
        Unavailable: every attempt failed, or the answer is not JSON.
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


def download(url: str, target: Path, *, size: int | None, sha256: str | None, http: Http) -> None:
    """Download `url` to `target`, and continue an earlier download that was interrupted.

    The bytes are first written to `<target>.part`. The file `<target>.part.version` holds the
    version that the server gives to the file, its ETag or Last-Modified. If the version is unknown
    or has changed, the download starts again. The part is renamed when its size and hash are right.

    Args:
        url: the address.
        target: the file to write.
        size: expected size in bytes; None if it is not known. The server's word then counts.
        sha256: expected SHA-256, hex; None if it is not known.
        http: timeouts and retries.

    Raises:
        Unavailable: every attempt failed, the server refuses, or the file has another size or
            hash. A part with the wrong hash is deleted. Any other part stays for the next attempt.
    """
    part = _Part(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with http_client(http) as client:
        _persist(lambda: _fill(part, client, url, size), http, reached=part.length)
    found = file_sha256(part.path) if sha256 else None
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
    """The bytes that were downloaded so far, and the version of the file that they belong to."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._version = target.with_name(f"{target.name}.part.version")

    def length(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self) -> str | None:
        if not self._version.exists():
            return None
        mark = self._version.read_bytes().decode("ascii", "replace")
        # A header holds only printable ASCII, so any other content is damaged.
        return mark if mark.isascii() and mark.isprintable() else None

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._version.unlink(missing_ok=True)

    def start(self, version: str | None) -> None:
        self.discard()
        if version is not None:
            write_text(self._version, version)


def _fill(part: _Part, client: httpx.Client, url: str, size: int | None) -> None:
    """Try once to download the bytes that `part` lacks."""
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
        if "Content-Length" in response.headers:
            total = (start if resumed else 0) + int(response.headers["Content-Length"])
            size = total if size is None else size
            if total != size:
                raise Unavailable(
                    f"{url} gives a file of {total:,} bytes, not the {size:,} expected",
                    passing=False,
                )
        if not resumed:
            part.start(_version(response))
        _append(part, response, url, size)


def _append(part: _Part, response: httpx.Response, url: str, size: int | None) -> None:
    start = part.length()
    bar = tqdm(total=size, initial=start, desc="downloading", unit="B", unit_scale=True)
    with bar, part.path.open("ab") as file:
        for chunk in response.iter_raw():
            file.write(chunk)
            bar.update(len(chunk))
            if size is not None and file.tell() > size:
                raise Unavailable(f"{url} gives more than {size:,} bytes", passing=False)
    if size is not None and part.length() < size:
        raise Unavailable(f"{url} broke off at {part.length():,} bytes", passing=True)


def _version(response: httpx.Response) -> str | None:
    """Return the version for the header If-Range: a strong ETag, else Last-Modified, else None.

    A weak ETag is not allowed there (RFC 9110, 13.1.5).
    """
    etag: str | None = response.headers.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        return etag
    date: str | None = response.headers.get("Last-Modified")
    return date


def _continues(response: httpx.Response, start: int, size: int | None, version: str | None) -> bool:
    """Return whether a partial answer is the rest of the file that the first part belongs to."""
    asked = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    if asked is None or int(asked[1]) != start or size not in (None, int(asked[2])):
        return False
    marks = {response.headers.get("ETag"), response.headers.get("Last-Modified")} - {None}
    return not marks or version in marks


@contextlib.contextmanager
def _answer(client: httpx.Client, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    """Yield the answer to a GET request before its body is read. Failures raise `Unavailable`."""
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
    """Return the seconds to wait from a Retry-After header, or None if it has no valid value.

    The header holds seconds or a date (RFC 9110, 10.2.3).
    """
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
    return max(0.0, (date - datetime.datetime.now(datetime.UTC)).total_seconds())


def _persist(attempt: Callable[[], T], http: Http, *, reached: Callable[[], int]) -> T:
    """Call `attempt` until it succeeds, or until another attempt is useless.

    Args:
        attempt: the function to call, which may raise `Unavailable`.
        http: the number of retries without progress, and the time to wait between them.
        reached: function that returns the progress, such as a number of bytes.

    Raises:
        Unavailable: the last attempt failed.
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
