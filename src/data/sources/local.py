"""Images that lie on this machine, in a folder or an archive."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from src.data.sources.archive import unpack
from src.errors import InputError

_MACOS_RESOURCE_FORKS = "__MACOSX"  # stands in zips made on macOS and mirrors the real folders


@dataclass(frozen=True)
class LocalSource:
    """A folder, or an archive `unpack` reads, that holds one folder a class at any depth.

    Attributes:
        path: the folder or archive.
        max_ratio: see `unpack`.
    """

    path: Path
    max_ratio: float

    @property
    def name(self) -> str:
        return f"local {self.path.name}"

    def state(self, classes: Sequence[str]) -> str | None:
        """SHA-256 (hex) over name, size and time of each image, or of the archive.

        None where there is nothing at `path`: what was fetched from there may outlive it.

        Raises:
            InputError: a class has no folder, or several.
        """
        if self.path.is_dir():
            folders = _class_folders(self.path, classes, self.path).values()
            files = [file for folder in folders for file in sorted(folder.iterdir())]
        else:
            files = [self.path] if self.path.is_file() else []
        stats = [(file.relative_to(self.path), file.stat()) for file in files]
        lines = [f"{name} {stat.st_size} {stat.st_mtime_ns}\n" for name, stat in stats]
        return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else None

    def collect(self, staging: Path, classes: Sequence[str]) -> None:
        """Lay the images out as `staging/<class>/<file>`; the original stays as it is.

        Raises:
            InputError: there is nothing at `path`; `unpack` refused it; a class has no folder, or
                several; or a class folder holds a folder.
        """
        if self.path.is_dir():
            _lay_out(self.path, staging, classes, shutil.copyfile, self.path)
        elif self.path.is_file():
            with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=staging) as unpacked:
                unpack(self.path, Path(unpacked), max_ratio=self.max_ratio)
                _lay_out(Path(unpacked), staging, classes, os.rename, self.path)
        else:
            raise InputError(
                f"{self.path}: no such file or folder; give an archive or a folder that holds "
                f"the folders {', '.join(classes)}"
            )


def refuse_overlap(origin: Path, target: Path) -> None:
    """Refuse an origin of images that lies in the folder they are fetched into, or around it.

    Raises:
        InputError: one is the other, or lies inside it.
    """
    one, other = origin.resolve(), target.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise InputError(
            f"data.path={origin} and data.dir={target} lie one in the other, and a fetch replaces "
            "data.dir: choose a data.dir apart from your images"
        )


def _lay_out(
    root: Path,
    staging: Path,
    classes: Sequence[str],
    put: Callable[[Path, Path], object],
    origin: Path,
) -> None:
    for name, folder in _class_folders(root, classes, origin).items():
        (staging / name).mkdir()
        for file in tqdm(sorted(folder.iterdir()), desc=f"collecting {name}", unit="image"):
            if file.is_dir():
                raise InputError(
                    f"{origin}: the folder {folder.relative_to(root)} holds a folder, "
                    f"{file.name}; put the images of a class straight into its folder"
                )
            put(file, staging / name / file.name)


def _class_folders(root: Path, classes: Sequence[str], origin: Path) -> dict[str, Path]:
    folders = []
    for parent, names, _ in os.walk(root):
        names[:] = [n for n in names if not n.startswith(".") and n != _MACOS_RESOURCE_FORKS]
        folders += [Path(parent, name) for name in names]
    chosen = {}
    for name in classes:
        matches = [folder for folder in folders if folder.name == name]
        if len(matches) != 1:
            found = matches or folders
            listed = ", ".join(sorted(str(folder.relative_to(root)) for folder in found)[:20])
            raise InputError(
                f"{origin} holds {'several folders' if matches else 'no folder'} named {name}; "
                f"found: {listed or 'no folder at all'}"
            )
        chosen[name] = matches[0]
    return chosen
