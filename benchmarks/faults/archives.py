"""Damaged archives of every format, unpacked as the fetch does.

Each is refused with a sentence that names it, or its images come out as they were packed. Nothing
lands outside the folder that it is unpacked into. A plain .tar has no checksum of its contents, so
its images may come out changed; every image is checked after the unpacking.
"""

import io
import tarfile
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import rars

from benchmarks.faults.damages import damaged
from src.data.sources.archive import unpack
from src.errors import InputError

RATIO = 20.0  # how much larger than the archive its contents may be, as in conf/data/
MODES: dict[str, Any] = {".tar": "w:", ".tar.gz": "w:gz", ".tar.xz": "w:xz"}


def sound_archives(rng: np.random.Generator) -> dict[str, tuple[str, bytes, dict[str, bytes]]]:
    """By kind, a small archive's suffix, its content, and its members by name."""
    noise = rng.integers(0, 256, 3000, dtype=np.uint8).tobytes()
    files = {
        "Negative/a.jpg": noise,
        "Positive/ü b.jpg": noise[::-1],
        "Positive/c.jpg": b"ab" * 900,
    }
    archives = {"zip": (".zip", _zip(files, zipfile.ZIP_DEFLATED), files)}
    archives["zip stored"] = (".zip", _zip(files, zipfile.ZIP_STORED), files)
    archives["zip bz2"] = (".zip", _zip(files, zipfile.ZIP_BZIP2), files)
    archives["zip lzma"] = (".zip", _zip(files, zipfile.ZIP_LZMA), files)
    for suffix, mode in MODES.items():
        archives[suffix] = (suffix, _tar(files, mode), files)
    plain = {name.replace("ü ", ""): content for name, content in files.items()}
    for form in ("rar29", "rar40", "rar50"):
        for kind, options in RAR_KINDS.items():
            archives[f"{form} {kind}"] = (".rar", _rar(plain, form, options), plain)
    return archives


def unpack_archives(count: int, seed: int) -> Counter[tuple[str, str]]:
    """Unpack `count` damaged archives; how many of each kind were unpacked and refused.

    Raises:
        RuntimeError: anything but a refusal came out, or an image that was not packed.
    """
    rng = np.random.default_rng(seed)
    sound = sound_archives(rng)
    outcomes: Counter[tuple[str, str]] = Counter()
    for number in range(count):
        kind = list(sound)[rng.integers(len(sound))]
        suffix, content, files = sound[kind]
        other = list(sound.values())[rng.integers(len(sound))][1]
        bad = damaged(rng, content, other)
        try:
            outcomes[kind, _outcome(f"a{suffix}", bad, files)] += 1
        # A library in Rust raises what is no Exception.
        except BaseException as error:
            raise RuntimeError(f"archive {number} of seed {seed}, {kind}: {error!r}") from error
    return outcomes


def _outcome(name: str, content: bytes, files: dict[str, bytes]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        archive, target = Path(folder, name), Path(folder, "in", "target")
        archive.write_bytes(content)
        try:
            unpack(archive, target, max_ratio=RATIO)
        except InputError as error:
            if str(archive) not in str(error):
                raise ValueError(f"the archive is not named: {error}") from error
            return "refused"
        finally:
            outside = [
                p for p in Path(folder).rglob("*") if p.is_file() and target not in p.parents
            ]
            if outside != [archive]:
                raise ValueError(f"written outside the target: {outside}")
        contents = {path.read_bytes() for path in target.rglob("*") if path.is_file()}
        if not name.endswith(".tar") and not contents <= set(files.values()):
            raise ValueError("an image has changed")
        return "unpacked" if contents == set(files.values()) else "unpacked in part"


def _zip(files: dict[str, bytes], method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return file.getvalue()


def _tar(files: dict[str, bytes], mode: Any) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as opened:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return file.getvalue()


RAR_KINDS: dict[str, dict[str, Any]] = {
    "": {},
    "solid": {"solid": True},
    "stored": {"store": True},
    "with a password": {"password": "secret"},
}


def _rar(files: dict[str, bytes], form: str, options: dict[str, Any]) -> bytes:
    builder = rars.RarBuilder(format=form, **options)
    for name, content in files.items():
        builder.add_bytes(content, name)
    with tempfile.TemporaryDirectory() as folder:
        builder.write(f"{folder}/a.rar")
        return Path(folder, "a.rar").read_bytes()
