"""Unpacking archives from elsewhere without trusting them."""

import functools
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import IO, Literal

import rars
from tqdm import tqdm

from src.errors import InputError

_UNREADABLE = (
    rars.Error,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,  # a path or an offset that can't be; and a full disk
    RuntimeError,  # zipfile: a password, or a compression it doesn't know
)


class _Gate:
    """Admits the members of one archive one by one, or refuses the archive."""

    def __init__(self, archive: Path, max_ratio: float) -> None:
        self._archive = archive
        self._max_ratio = max_ratio
        self.room = int(archive.stat().st_size * max_ratio)
        self._admitted: set[PureWindowsPath] = set()

    def admit(self, name: str, size: int, *, plain: bool) -> Path:
        """Return the member's path below the target; `plain`: neither link nor device."""
        # Windows' rules are the stricter ones: they know both slashes and drives, and take names
        # that differ only in case for one.
        path = PureWindowsPath(name)
        if path.anchor or ".." in path.parts or not path.parts:
            self._refuse(name, "would land outside the target folder")
        if not plain:
            self._refuse(name, "is a link or a device, not a plain file")
        if path in self._admitted:
            self._refuse(name, "is in it twice (names that differ only in case count as one)")
        self._admitted.add(path)
        self.room -= size
        if self.room < 0:
            self._refuse(
                name,
                f"brings the declared size to more than {self._max_ratio:g} times the archive's "
                f"own {self._archive.stat().st_size:,} bytes, out of all proportion for images",
            )
        return Path(*path.parts)

    def _refuse(self, name: str, problem: str) -> None:
        raise InputError(
            f"{self._archive} is refused: its member {name!r} {problem}. "
            "Nothing was kept of it; if you trust it, unpack it by hand and give the folder."
        )


def unpack(archive: Path, target: Path, *, max_ratio: float) -> None:
    """Unpack a .rar (RAR4, RAR5, solid too), .zip, .tar, .tar.gz or .tar.xz into `target`.

    Modes, owners and times of the members are not taken over. What was unpacked before a member
    was refused, or damage met, stays in `target`: let it be a folder to throw away. A RAR cut off
    exactly between two members can't be told from a shorter one: count what should be there.

    Args:
        max_ratio: how many times the archive's own size its members may declare together.

    Raises:
        InputError: no such kind of archive; damaged, truncated or protected by a password; or a
            member would land outside `target`, is a link or device, comes twice, or goes over
            `max_ratio`.
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
    except _UNREADABLE as error:
        raise InputError(
            f"{archive} can't be unpacked: {error}. If it is truncated, damaged or protected by a "
            "password, get it anew, or unpack it by hand and give the folder."
        ) from error


def _unpack_rar(archive: Path, target: Path, gate: _Gate) -> None:
    rar = rars.RarFile(str(archive))
    # RAR5 members may declare no size: with a limit they are refused.
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
            if not member.is_dir():
                kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where no Unix wrote it
                plain = kind in (0, stat.S_IFREG)
                path = gate.admit(member.filename, member.file_size, plain=plain)
                with opened.open(member) as stream:
                    _write(stream, target / path)


def _unpack_tar(
    archive: Path, target: Path, gate: _Gate, *, mode: Literal["r:", "r:gz", "r:xz"]
) -> None:
    with tarfile.open(archive, mode) as opened:
        for member in tqdm(opened, desc=f"unpacking {archive.name}", unit="file"):
            if not member.isdir():
                path = gate.admit(member.name, member.size, plain=member.isreg())
                stream = opened.extractfile(member)
                assert stream is not None
                _write(stream, target / path)
        # tarfile takes a header cut short, or damaged, for the end of the archive.
        opened.fileobj.seek(opened.offset)
        if opened.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("it has no end-of-archive mark")
        # The checksums of .gz and .xz come after the last byte, which tarfile never reads.
        while opened.fileobj.read(tarfile.RECORDSIZE):
            pass


def _write(stream: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        shutil.copyfileobj(stream, file)


_UNPACKERS: dict[str, Callable[[Path, Path, _Gate], None]] = {
    ".rar": _unpack_rar,
    ".zip": _unpack_zip,
    ".tar": functools.partial(_unpack_tar, mode="r:"),
    ".tar.gz": functools.partial(_unpack_tar, mode="r:gz"),
    ".tgz": functools.partial(_unpack_tar, mode="r:gz"),
    ".tar.xz": functools.partial(_unpack_tar, mode="r:xz"),
    ".txz": functools.partial(_unpack_tar, mode="r:xz"),
}
