"""Unpacking archives safely: an archive that could do harm is refused."""

import errno
import functools
import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import IO, NoReturn, cast

import rars
from tqdm import tqdm

from src.errors import InputError

# Bytes that a tar may take beyond its members' content. A real header takes a few hundred bytes.
_TAR_ROOM = 1 << 20
# The most bytes that are read at once. tarfile reads a header at once, and no real one is so long.
_MOST_AT_ONCE = 1 << 20


class _Gate:
    """Checks the members of one archive one by one, and refuses the archive if one is unsafe."""

    def __init__(self, archive: Path, max_ratio: float) -> None:
        self._archive = archive
        self._max_ratio = max_ratio
        self.room = int(archive.stat().st_size * max_ratio)
        self._admitted: set[PureWindowsPath] = set()

    def admit(self, name: str, size: int, *, plain: bool) -> Path:
        """Return the member's path within the target folder.

        Args:
            name: the member's name in the archive.
            size: its size in bytes, as the archive declares it.
            plain: whether it is a plain file, and not a link or a device.

        Raises:
            InputError: the member is unsafe or repeated, or the archive becomes too large by it.
        """
        path = self._within(name)
        if not path.parts:
            self._refuse(name, "would land outside the target folder")
        if not plain:
            self._refuse(name, "is a link or a device, not a plain file")
        if path in self._admitted:
            self._refuse(name, "is in it twice (names that differ only in case count as one)")
        self._admitted.add(path)
        self.room -= size
        if self.room < 0:
            self._refuse(name, f"brings the declared size to more than {self.proportion}")
        return Path(*path.parts)

    def admit_folder(self, name: str) -> Path:
        """Return the path of a folder within the target folder. It may be in the archive twice.

        Raises:
            InputError: the folder would lie outside the target folder.
        """
        return Path(*self._within(name).parts)

    def _within(self, name: str) -> PureWindowsPath:
        # Windows has the strictest rules for paths. It knows drives and both kinds of slashes,
        # and names that differ only in case are the same file.
        path = PureWindowsPath(name)
        if path.anchor or ".." in path.parts:
            self._refuse(name, "would land outside the target folder")
        return path

    @property
    def proportion(self) -> str:
        """The size that the archive may unpack to, in words."""
        return (
            f"{self._max_ratio:g} times the archive's own {self._archive.stat().st_size:,} bytes, "
            "out of all proportion for images"
        )

    def _refuse(self, name: str, problem: str) -> NoReturn:
        self.refuse_archive(f"its member {name!r} {problem}")

    def refuse_archive(self, problem: str) -> NoReturn:
        """Refuse the whole archive.

        Args:
            problem: the reason, whose subject is the archive.

        Raises:
            InputError: always.
        """
        raise InputError(
            f"{self._archive} is refused: {problem}. "
            "Nothing was kept of it; if you trust it, unpack it by hand and give the folder."
        )


class _Bounded:
    """A decompressed stream. The archive is refused if it unpacks to more than the limit."""

    def __init__(self, stream: IO[bytes], gate: _Gate) -> None:
        self._stream = stream
        self._gate = gate
        self._limit = gate.room + _TAR_ROOM

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, position: int) -> int:
        self._check(position)
        return self._stream.seek(position)

    def read(self, size: int) -> bytes:
        if size > _MOST_AT_ONCE:
            self._gate.refuse_archive(f"it has a header of {size:,} bytes")
        data = self._stream.read(size)
        self._check(self._stream.tell())
        return data

    def _check(self, position: int) -> None:
        if position > self._limit:
            self._gate.refuse_archive(f"it unpacks to more than {self._gate.proportion}")


def unpack(archive: Path, target: Path, *, max_ratio: float) -> None:
    """Unpack an archive into the folder `target`.

    The formats are .rar (RAR4 and RAR5, also solid ones), .zip, .tar, .tar.gz and .tar.xz. The
    members' modes, owners and times are not kept. If the archive is refused, the members that were
    already unpacked stay in `target`. It should therefore be a temporary folder.

    A RAR archive that was cut off exactly between two members looks like a complete one. Callers
    should count the unpacked files.

    Args:
        archive: the archive's file.
        target: the folder to unpack into.
        max_ratio: the largest accepted ratio of the unpacked size to the archive's own size, above
            1. The declared sizes count, and for a .tar also the bytes that it really unpacks to. A
            .tar may have 1 MiB more, for its headers.

    Raises:
        InputError: the format is unknown, or the archive is damaged, truncated, protected by a
            password, or too large by `max_ratio`. It is also raised if a member is a link, a
            device, a duplicate, or outside `target`.
    """
    name = archive.name.lower()
    unpackers = (unpacker for suffix, unpacker in _UNPACKERS.items() if name.endswith(suffix))
    unpacker = next(unpackers, None)
    if unpacker is None:
        raise InputError(
            f"{archive} is no archive this project reads ({', '.join(_UNPACKERS)}): "
            "unpack it by hand and give the folder"
        )
    try:
        unpacker(archive, target, _Gate(archive, max_ratio))
    except InputError:
        raise
    # A damaged archive may raise any exception, so no list of types would be complete.
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = (
            "Make room on the disk, and run again."
            if full
            else "If it is truncated, damaged or protected by a password, get it anew, or unpack "
            "it by hand and give the folder."
        )
        problem = str(error) or type(error).__name__
        raise InputError(f"{archive} can't be unpacked: {problem}. {advice}") from error


def _unpack_rar(archive: Path, target: Path, gate: _Gate) -> None:
    rar = rars.RarFile(str(archive))
    # A member of a RAR5 archive may declare no size. If there is a limit, rars refuses it.
    limited = rars.ReadOptions(max_total_output_bytes=gate.room)
    for member in rar.infolist():
        gate.admit(member.filename, member.file_size, plain=not _is_rar_link(rar, member))
    rar.extractall(str(target), options=limited)


def _is_rar_link(rar: rars.RarFile, member: rars.RarInfo) -> bool:
    try:
        rar.readlink(member)
    except rars.UnsupportedRarFeature:
        return False
    return True


def _unpack_zip(archive: Path, target: Path, gate: _Gate) -> None:
    with zipfile.ZipFile(archive) as opened:
        for member in tqdm(opened.infolist(), desc=f"unpacking {archive.name}", unit="file"):
            if member.is_dir():
                (target / gate.admit_folder(member.filename)).mkdir(parents=True, exist_ok=True)
            else:
                kind = stat.S_IFMT(member.external_attr >> 16)  # 0 if not written on Unix
                plain = kind in (0, stat.S_IFREG)
                path = gate.admit(member.filename, member.file_size, plain=plain)
                with opened.open(member) as stream:
                    _write(stream, target / path)


def _unpack_tar(
    archive: Path, target: Path, gate: _Gate, decompressed: Callable[[Path], IO[bytes]]
) -> None:
    with decompressed(archive) as stream:
        bounded = _Bounded(stream, gate)
        with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:") as opened:
            for member in tqdm(opened, desc=f"unpacking {archive.name}", unit="file"):
                if member.isdir():
                    (target / gate.admit_folder(member.name)).mkdir(parents=True, exist_ok=True)
                else:
                    path = gate.admit(member.name, member.size, plain=member.isreg())
                    content = opened.extractfile(member)
                    assert content is not None
                    _write(content, target / path)
            # tarfile takes a truncated or damaged header for the end of the archive. A complete
            # archive ends with a block of zeros, so this block is read here.
            bounded.seek(opened.offset)
            if bounded.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise tarfile.ReadError("it has no end-of-archive mark")
            # The checksums of .gz and .xz are at the end of the file, which tarfile does not read.
            while bounded.read(tarfile.RECORDSIZE):
                pass


def _opened(archive: Path) -> IO[bytes]:
    return archive.open("rb")


def _gunzipped(archive: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(archive))


def _unxzed(archive: Path) -> IO[bytes]:
    return cast(IO[bytes], lzma.open(archive))


def _write(stream: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        shutil.copyfileobj(stream, file)


_UNPACKERS: dict[str, Callable[[Path, Path, _Gate], None]] = {
    ".rar": _unpack_rar,
    ".zip": _unpack_zip,
    ".tar": functools.partial(_unpack_tar, decompressed=_opened),
    ".tar.gz": functools.partial(_unpack_tar, decompressed=_gunzipped),
    ".tgz": functools.partial(_unpack_tar, decompressed=_gunzipped),
    ".tar.xz": functools.partial(_unpack_tar, decompressed=_unxzed),
    ".txz": functools.partial(_unpack_tar, decompressed=_unxzed),
}
