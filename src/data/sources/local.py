"""Images on this machine, in a folder or an archive."""

import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from src.data.dataset import Collected, Origin, Rejected
from src.data.sources.archive import unpack
from src.data.sources.folder_names import composed_name, is_hidden
from src.errors import InputError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocalSource:
    """A folder or an archive that holds one folder for each class, at any depth.

    Attributes:
        path: the folder, or an archive that `unpack` can read.
        max_ratio: see `unpack`.
        photo: a regular expression for file names. Its group is the name of the photograph. An
            image that it does not fit is a photograph of its own, and so is each image if it is
            None.
    """

    path: Path
    max_ratio: float
    photo: str | None = None

    @property
    def name(self) -> str:
        return f"local {self.path.name}"

    def state(self, classes: Sequence[str]) -> str | None:
        """Compute a SHA-256 (hex) of the name, size and time of each image, or of the archive.

        The result is None if nothing exists at `path`. Images that were fetched from there can
        still be used.

        Raises:
            InputError: a class has no folder, or it has several.
        """
        if self.path.is_dir():
            folders = _class_folders(self.path, classes, self.path).values()
            entries = [entry for folder in folders for entry in sorted(folder.iterdir())]
            files = [entry for entry in entries if entry.is_file()]
        else:
            files = [self.path] if self.path.is_file() else []
        stats = [(file.relative_to(self.path), file.stat()) for file in files]
        lines = [f"{name} {stat.st_size} {stat.st_mtime_ns}\n" for name, stat in stats]
        return hashlib.sha256(os.fsencode("".join(lines))).hexdigest() if lines else None

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        """Write the images to `staging/<class>/<file>`. The originals are not changed.

        Args:
            staging: an empty folder.
            classes: the class names.

        Returns:
            What is left out: hidden folders, and what is no plain file. Also the images'
            photographs.

        Raises:
            InputError: nothing exists at `path`, or `unpack` refused the archive. It is also raised
                if a class has no folder or several, or its folder holds a visible folder, or no
                name fits `photo`.
        """
        left_out = self._laid_out(staging, classes)
        return Collected(left_out, photographs(staging, classes, self.photo))

    def _laid_out(self, staging: Path, classes: Sequence[str]) -> list[Rejected]:
        if self.path.is_dir():
            return _lay_out(self.path, staging, classes, shutil.copyfile, self.path)
        if self.path.is_file():
            with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=staging) as unpacked:
                unpack(self.path, Path(unpacked), max_ratio=self.max_ratio)
                return _lay_out(Path(unpacked), staging, classes, os.rename, self.path)
        raise InputError(
            f"{self.path}: no such file or folder; give an archive or a folder that holds the "
            f"folders {', '.join(classes)}"
        )


def refuse_overlap(origin: Path, target: Path) -> None:
    """Check that the folder of the original images and the folder to fetch into do not overlap.

    Args:
        origin: the folder or archive with the original images.
        target: the folder to fetch into, which a fetch replaces.

    Raises:
        InputError: both are the same, or one is inside the other.
    """
    one, other = origin.resolve(), target.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise InputError(
            f"data.path={origin} and data.dir={target} lie one in the other, and a fetch replaces "
            "data.dir: choose a data.dir apart from your images"
        )


def photographs(staging: Path, classes: Sequence[str], pattern: str | None) -> dict[str, Origin]:
    """Find the photograph of each image in its file's name.

    Args:
        staging: the folder that holds a folder for each class.
        classes: the class names.
        pattern: a regular expression whose group is the name of the photograph; None finds none.

    Returns:
        The origins by path `<class>/<file>` of the images whose names match.

    Raises:
        InputError: there is a pattern, and no name matches it.
    """
    if pattern is None:
        return {}
    files = [file for name in classes for file in (staging / name).iterdir()]
    found = {file.relative_to(staging).as_posix(): re.search(pattern, file.name) for file in files}
    origins = {path: Origin(match[1]) for path, match in found.items() if match and match[1]}
    others = sorted(found.keys() - origins.keys())
    if others and not origins:
        raise InputError(f"data.photo={pattern} fits no file, such as {others[0]}")
    if others:
        logger.warning(
            "data.photo=%s does not fit %d of %d files, such as %s; each counts as a photograph",
            *(pattern, len(others), len(found), others[0]),
        )
    return origins


def _lay_out(
    root: Path,
    staging: Path,
    classes: Sequence[str],
    put: Callable[[Path, Path], object],
    origin: Path,
) -> list[Rejected]:
    left_out = []
    for name, folder in _class_folders(root, classes, origin).items():
        (staging / name).mkdir()
        for file in tqdm(sorted(folder.iterdir()), desc=f"collecting {name}", unit="image"):
            if file.is_dir() and is_hidden(file.name):
                left_out.append(Rejected(f"{name}/{file.name}", "hidden folder"))
            elif file.is_dir():
                raise InputError(
                    f"{origin}: the folder {folder.relative_to(root)} holds a folder, "
                    f"{file.name}; put the images of a class straight into its folder"
                )
            elif not file.is_file():
                left_out.append(Rejected(f"{name}/{file.name}", "a dead link, or no plain file"))
            else:
                put(file, staging / name / file.name)
    return left_out


def _class_folders(root: Path, classes: Sequence[str], origin: Path) -> dict[str, Path]:
    folders = []
    for parent, names, _ in os.walk(root):
        names[:] = [name for name in names if not is_hidden(name)]
        folders += [Path(parent, name) for name in names]
    chosen = {}
    for name in classes:
        wanted = composed_name(name)
        matches = [folder for folder in folders if composed_name(folder.name) == wanted]
        if len(matches) != 1:
            found = matches or folders
            listed = ", ".join(sorted(str(folder.relative_to(root)) for folder in found)[:20])
            raise InputError(
                f"{origin} holds {'several folders' if matches else 'no folder'} named {name}; "
                f"found: {listed or 'no folder at all'}. The setting 'data.classes=[OK,CRACKED]' "
                "names the two folders, that of the images without a crack first"
            )
        chosen[name] = matches[0]
    return chosen
