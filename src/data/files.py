"""Writing files so that no half-written one is ever seen."""

import contextlib
import errno
import functools
import glob
import hashlib
import itertools
import os
import socket
from collections.abc import Iterable
from pathlib import Path

import psutil

from src.errors import InputError, reason_of

_number = itertools.count()


def write_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8 to `path`; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` by way of a temporary name, making its folder if need be.

    The temporary file lies beside `path`, and is removed where writing fails. One that a killed
    process of this machine left is removed when a later process first writes into the folder.

    Raises:
        InputError: the file can't be written; it says why.
    """
    # Cut, as a file's name may be as long as names may be.
    name = f".{path.name[:30]}.{_machine()}.{os.getpid()}.{next(_number)}.part"
    temporary = path.with_name(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_over(path.parent)
        temporary.unlink(missing_ok=True)
        # Exclusively, as a link of this name would lead the bytes into another file.
        with temporary.open("xb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {reason_of(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(folder: Path, names: Iterable[str]) -> dict[str, str | None]:
    """By name, the SHA-256 (hex) of each of these files in a folder; None where there is none."""
    files = {name: folder / name for name in names}
    return {name: file_sha256(file) if file.is_file() else None for name, file in files.items()}


def remove_file(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        InputError: it can't be removed; it says why.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        why = reason_of(IsADirectoryError(errno.EISDIR, "")) if path.is_dir() else reason_of(error)
        raise InputError(f"{path} can't be removed: {why}") from error


def size_text(size: float) -> str:
    """`size` bytes as people read them, in GB from one of them on, else in MB."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def _machine() -> str:
    """Of this machine's name what may stand between two dots."""
    return socket.gethostname().replace(".", "-")[:60]


@functools.cache
def _remove_left_over(folder: Path) -> None:
    """Remove, once in a process, the temporary files of processes of this machine that are gone."""
    for file in folder.glob(f".*.{glob.escape(_machine())}.*.part"):
        process = file.name.split(".")[-3]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            file.unlink(missing_ok=True)
