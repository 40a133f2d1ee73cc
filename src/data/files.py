"""Reading and writing files. A file is always written completely or not at all."""

import contextlib
import errno
import functools
import glob
import hashlib
import itertools
import os
import shutil
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

import psutil

from src.errors import InputError, reason_of

_number = itertools.count()


def write_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8 to `path`; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write `data` to a temporary file and rename it to `path`; create its folder if necessary.

    Large data may come in parts. The temporary file is in the same folder, and is removed if
    writing fails. The temporary file of a killed process is removed when a later process first
    writes to the folder.

    Raises:
        InputError: the file cannot be written.
    """
    # The name is cut, because it may already have the greatest length that is allowed.
    name = f".{path.name[:30]}.{_machine()}.{os.getpid()}.{next(_number)}.part"
    temporary = path.with_name(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_over(path.parent)
        temporary.unlink(missing_ok=True)
        # Mode "x" fails if the name exists. Mode "w" would follow a link to another file.
        with temporary.open("xb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {reason_of(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Make a folder, and check that files can be written to it.

    Raises:
        OSError: they can't.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # The permissions of a folder do not tell whether a file can be created in it.
    tempfile.TemporaryFile(dir=folder).close()


def file_sha256(path: Path) -> str:
    """Compute the SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(folder: Path, names: Iterable[str]) -> dict[str, str | None]:
    """Return the SHA-256 (hex) of files in a folder by name; None for a missing file."""
    files = {name: folder / name for name in names}
    return {name: file_sha256(file) if file.is_file() else None for name, file in files.items()}


def remove_file(path: Path) -> None:
    """Delete a file if it exists.

    Raises:
        InputError: the file cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        why = reason_of(IsADirectoryError(errno.EISDIR, "")) if path.is_dir() else reason_of(error)
        raise InputError(f"{path} cannot be deleted: {why}") from error


def size_text(size: float) -> str:
    """Return a number of bytes as text in GB, or in MB if it is less than one GB."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def temporary_folder(name: str, parent: Path | None = None) -> tempfile.TemporaryDirectory[str]:
    """Make a temporary folder, and delete those of the same name that ended processes have left.

    Args:
        name: the beginning of the folder's name. The machine and the process follow.
        parent: the folder to make it in. None means the system's folder for temporary files.
    """
    root = parent or Path(tempfile.gettempdir())
    begin = f"{name}-{_machine()}."
    for folder in root.glob(f"{glob.escape(begin)}*"):
        if _ended(folder.name.removeprefix(begin).split(".")[0]):
            shutil.rmtree(folder, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{begin}{os.getpid()}.", dir=root)


def _ended(process: str) -> bool:
    return process.isdecimal() and not psutil.pid_exists(int(process))


def _machine() -> str:
    """Return the machine's name without dots, which separate the parts of a file's name."""
    return socket.gethostname().replace(".", "-")[:60]


@functools.cache
def _remove_left_over(folder: Path) -> None:
    """Delete temporary files of ended processes of this machine, once per process and folder."""
    for file in folder.glob(f".*.{glob.escape(_machine())}.*.part"):
        if _ended(file.name.split(".")[-3]):
            file.unlink(missing_ok=True)
