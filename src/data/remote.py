"""Files in stores that fsspec reaches, such as S3 and web servers.

A `RemotePath` has those methods of `pathlib.Path` that the project needs, with the same meaning. So
functions take either. A failure is an OSError whose text is for people, and has no credentials.
"""

import errno
import functools
import io
import logging
import mimetypes
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from src.config.source_schema import Http
from src.data.files import write_bytes
from src.data.store_facts import Facts, facts_of
from src.data.store_failures import NOT_THERE, failure_of
from src.errors import InputError, reason_of, without_secrets

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

logger = logging.getLogger(__name__)
T = TypeVar("T")
WEB = ("http", "https")
_DEEPEST = 32  # folders within folders on a web server, whose links may lead in circles
_PIECE = 2**20  # bytes that are read at once from a file of unknown size


@dataclass(frozen=True)
class RemotePath:
    """A file or folder in a store.

    Attributes:
        store: the store.
        key: what the store calls the file.
        http: timeouts and retries.
        listing: the files of a folder above it, with what is known of them; see `listed`. None:
            the store is asked.
    """

    store: "AbstractFileSystem" = field(repr=False)
    key: str
    http: Http = field(repr=False)
    listing: Mapping[str, Facts] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        """Return the address without a user, a password or a signature."""
        return without_secrets(str(self.store.unstrip_protocol(self.key)))

    def __truediv__(self, name: str) -> "RemotePath":
        return replace(self, key=f"{self.key.rstrip('/')}/{name}")

    @property
    def kinds(self) -> set[str]:
        """The names of its kind of store in addresses, such as s3."""
        names = self.store.protocol
        return {names} if isinstance(names, str) else set(names)

    @property
    def on_the_web(self) -> bool:
        """Whether a web server has it. Then its key is an address."""
        return bool(self.kinds.intersection(WEB))

    @property
    def name(self) -> str:
        """The last part of its path, as people write it."""
        return self.plain.rstrip("/").rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The extension of its name, with the dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> "RemotePath":
        """The folder that it is in."""
        bare = self.key.partition("?")[0] if self.on_the_web else self.key
        return replace(self, key=bare.rstrip("/").rpartition("/")[0])

    @property
    def plain(self) -> str:
        """The key as people write it. Bytes that are not UTF-8 are kept, as in local names."""
        if not self.on_the_web:
            return self.key
        return unquote(self.key.partition("?")[0], errors="surrogateescape")

    def listed(self) -> "RemotePath":
        """Return the same folder with a listing of all files in it, at any depth.

        The store is then not asked again which files there are. On a web server, a link to a folder
        that is not there stands in the listing, with a slash at its end.

        Raises:
            OSError: the folder, or one within it, cannot be listed.
        """
        if self.on_the_web:
            found = self._linked()
        else:
            found = self._persist(lambda: self.store.find(self.key, detail=True))
        return replace(self, listing={key: facts_of(info) for key, info in found.items()})

    def _linked(self) -> dict[str, Mapping[str, Any]]:
        # fsspec's own search leaves out folders whose pages do not come.
        found: dict[str, Mapping[str, Any]] = {}
        folders = [(self.key, 0)]
        while folders:
            folder, depth = folders.pop()
            page = replace(self, key=folder)
            ask = functools.partial(self.store.ls, folder, detail=True)
            try:
                entries = page._persist(ask)
            except OSError as error:
                if folder == self.key:
                    raise
                if not isinstance(error, FileNotFoundError):
                    raise OSError(error.errno, f"{page.name}/: {reason_of(error)}") from error
                found[folder] = {}
                continue
            for entry in entries:
                name = str(entry["name"])
                if not name.startswith(f"{folder.rstrip('/')}/"):
                    continue
                if entry["type"] != "directory":
                    found[name] = entry
                elif depth < _DEEPEST:
                    folders.append((name, depth + 1))
        return found

    def facts(self) -> Facts:
        """Return size and version.

        Raises:
            FileNotFoundError: there is no such file.
            OSError: the store does not answer.
        """
        if self.listing is not None:
            if self.key not in self.listing:
                raise FileNotFoundError(*NOT_THERE)
            if (known := self.listing[self.key]) != Facts(None, None):
                return known
        return facts_of(self._persist(lambda: self.store.info(self.key)))

    def examined(self) -> "RemotePath":
        """Return the same file with its size and version, so that the store is asked only once.

        Raises:
            OSError: see `facts`.
        """
        return replace(self, listing={self.key: self.facts()})

    def is_file(self) -> bool:
        """Return whether there is such a file.

        Raises:
            OSError: the store does not answer.
        """
        try:
            if self.listing is not None:
                return self.key in self.listing
            return bool(self._persist(lambda: self.store.info(self.key))["type"] == "file")
        except FileNotFoundError:
            return False

    def is_dir(self) -> bool:
        """Return whether it is a folder. On a web server, the address alone decides.

        Raises:
            OSError: there is nothing, or the store does not answer.
        """
        if self.on_the_web:
            bare, query, _ = self.key.partition("?")
            return bare.endswith("/") or not (self.suffix or query)
        return bool(self._persist(lambda: self.store.info(self.key))["type"] == "directory")

    def read_bytes(self, most: int | None = None) -> bytes:
        """Read the whole file.

        Args:
            most: the most bytes that are read of a file whose size the store does not say.

        Raises:
            FileNotFoundError: there is no such file.
            OSError: the store does not answer, or the connection breaks off each time.
        """
        size = self.facts().size if self.listing is not None or most else None

        def read() -> bytes:
            if size is None and most is not None and self.on_the_web:
                return self._streamed(most)
            data: bytes = self.store.cat_file(self.key)
            # A listing may be older than the file.
            if size is not None and len(data) != size:
                now = facts_of(self.store.info(self.key)).size
                if now is not None and len(data) != now:
                    raise OSError(errno.EIO, f"{len(data)} of {now} bytes came")
            return data

        return self._persist(read)

    def _streamed(self, most: int) -> bytes:
        content = io.BytesIO()
        with self.store.open(self.key, "rb", block_size=0) as stream:
            while content.tell() <= most and (piece := stream.read(_PIECE)):
                content.write(piece)
        return content.getvalue()

    def read_text(self, encoding: str = "utf-8") -> str:
        """Read the whole file as text; see `read_bytes`."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes | Iterable[bytes]) -> None:
        """Write the whole file at once; in parts or as one.

        Raises:
            OSError: the store does not take it.
        """
        whole = data if isinstance(data, bytes) else b"".join(data)
        # A browser shows a page or a picture only if the store says what it is.
        kind = mimetypes.guess_type(self.name)[0]
        told = {"ContentType": kind} if kind and "s3" in self.kinds else {}
        self._persist(lambda: self.store.pipe_file(self.key, whole, **told))

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the file.

        Raises:
            FileNotFoundError: there is no such file, and `missing_ok` is false.
            OSError: the store refuses, or does not answer.
        """
        try:
            if self.listing is not None:
                self.facts()
            self._persist(lambda: self.store.rm_file(self.key))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def _persist(self, act: Callable[[], T]) -> T:
        """Try something until it succeeds, or fails for good.

        Raises:
            OSError: the last failure, in words for people.
        """
        for number in range(1, self.http.retries + 2):
            try:
                return act()
            except Exception as error:
                failure = failure_of(error)
            if not failure.passing:
                break
            if number <= self.http.retries:
                wait = min(self.http.backoff * 2 ** (number - 1), self.http.longest_wait)
                logger.info("%s: %s; again in %.1f s", self, failure.reason, wait)
                time.sleep(wait)
        tried = f" (tried {number} times)" if number > 1 else ""
        raise OSError(failure.number, failure.reason + tried)


AnyPath = Path | RemotePath


def put_bytes(path: AnyPath, data: bytes | Iterable[bytes]) -> None:
    """Write a local or remote file, completely or not at all; see `write_bytes`.

    Raises:
        InputError: the file cannot be written.
    """
    if not isinstance(path, RemotePath):
        write_bytes(path, data)
        return
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {reason_of(error)}") from error


def put_text(path: AnyPath, text: str) -> None:
    """Write a local or remote file of text in UTF-8; see `put_bytes`."""
    put_bytes(path, text.encode())


def as_local(path: AnyPath) -> Path:
    """Return a path that the caller knows to be local."""
    assert isinstance(path, Path)
    return path


def path_within(path: AnyPath, folder: AnyPath) -> PurePath:
    """Return the path of a file within a folder above it, which is local or remote as it is."""
    if isinstance(path, RemotePath) and isinstance(folder, RemotePath):
        return PurePosixPath(path.plain[len(folder.plain.rstrip("/")) + 1 :])
    return as_local(path).relative_to(as_local(folder))
