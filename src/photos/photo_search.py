"""Which photos a folder holds, and what in it can't be searched."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.errors import InputError
from src.photos.names import printable

# In an output folder: what was found, and the marked photos.
RECORDS, OVERLAYS = ".records", "overlays"


@dataclass(frozen=True)
class FoundPhotos:
    """What a search has found.

    Attributes:
        photos: paths, sorted.
        skipped: paths that could not be searched or are no files, with the reason, sorted.
    """

    photos: list[Path]
    skipped: list[tuple[Path, str]]


def find_photos(source: Path, extensions: Sequence[str], *, output: Path) -> FoundPhotos:
    """Find the photos at `source`, without those that a run has marked.

    Links to folders are followed. Each folder is searched once, however many links lead to it.
    Hidden files and folders are left out.

    Args:
        source: a photo, taken whatever its name ends in, or a folder, searched at any depth.
        extensions: what the names of a folder's photos end in, in lower case with the dot.
        output: where the results go, a folder not searched.

    Raises:
        InputError: there is no such file or folder, nothing in it, or `output` holds it.
    """
    if source.is_file():
        return FoundPhotos([source], [])
    shown = printable(str(source))
    if not source.is_dir():
        raise InputError(f"input: {shown}: no such file or folder")
    if source.resolve().is_relative_to(output.resolve()):
        raise InputError(f"output: {output} holds the input {shown}; name another folder")
    search = _Search(source, extensions, output.resolve())
    search.run()
    if not search.photos and not search.skipped:
        raise InputError(f"input: {shown} has no photos ({' '.join(extensions)})")
    return FoundPhotos(sorted(search.photos), sorted(search.skipped))


class _Search:
    """One search of a folder."""

    def __init__(self, source: Path, extensions: Sequence[str], output: Path) -> None:
        self.source, self.extensions, self.output = source, extensions, output
        self.photos: list[Path] = []
        self.skipped: list[tuple[Path, str]] = []
        self._links: list[Path] = []
        self._searched: set[Path] = set()

    def run(self) -> None:
        self._search(self.source)
        # After all real folders, so that photos have the names that they have without links.
        while self._links:
            link = self._links.pop(0)
            if self.source.resolve().is_relative_to(link.resolve()):
                if link.resolve() != self.source.resolve():
                    self.skipped.append((link, "a link to a folder that holds the input"))
            else:
                self._search(link)

    def _search(self, start: Path) -> None:
        def unlisted(error: OSError) -> None:
            self.skipped.append((Path(error.filename), error.strerror or str(error)))

        for name, inside, files in os.walk(start, onerror=unlisted):
            folder, real = Path(name), Path(name).resolve()
            if real in self._searched or self._holds_results(real):
                inside.clear()
                continue
            self._searched.add(real)
            shown = sorted(one for one in inside if one[0] != ".")
            self._links += [folder / one for one in shown if (folder / one).is_symlink()]
            inside[:] = [one for one in shown if not (folder / one).is_symlink()]
            for one in files:
                if one[0] != ".":
                    self._take(folder / one)

    def _holds_results(self, real: Path) -> bool:
        marked = real.name == OVERLAYS and (real.parent / RECORDS).is_dir()
        return marked or real.is_relative_to(self.output)

    def _take(self, path: Path) -> None:
        photo = path.suffix.lower() in self.extensions
        # A dead link without a suffix may have led to a folder of photos.
        if not photo and (path.suffix or not path.is_symlink()):
            return
        try:
            regular = stat.S_ISREG(path.stat().st_mode)
        except FileNotFoundError:
            self.skipped.append((path, "a link to nothing"))
        except OSError as error:
            self.skipped.append((path, error.strerror or str(error)))
        else:
            if photo and regular:
                self.photos.append(path)
            elif photo:
                self.skipped.append((path, "not a file"))
