"""Finding the photos in a folder, and the folders that cannot be searched."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.data.remote import AnyPath
from src.errors import InputError
from src.photos.names import printable

# The folders in an output folder: the records of the photos, the marked photos, and the report's
# pictures and further pages.
RECORDS, OVERLAYS, PAGES = ".records", "overlays", "report"


@dataclass(frozen=True)
class FoundPhotos:
    """The results of a search.

    Attributes:
        photos: the paths of the photos, sorted.
        skipped: paths that could not be searched or are not files, and the reasons, sorted.
    """

    photos: Sequence[AnyPath]
    skipped: Sequence[tuple[AnyPath, str]]


def find_photos(source: Path, extensions: Sequence[str], *, output: Path | None) -> FoundPhotos:
    """Find the photos at `source`. Marked photos of earlier runs are left out.

    Links to folders are followed, and each folder is searched once. Hidden files and folders are
    left out.

    Args:
        source: a photo with any extension, or a folder, which is searched at any depth.
        extensions: the extensions of the photos in a folder, in lower case and with the dot.
        output: the folder of the results, which is not searched. None if it is remote.

    Raises:
        InputError: `source` does not exist, holds no photos, or is inside `output`.
    """
    if source.is_file():
        return FoundPhotos([source], [])
    shown = printable(str(source))
    if not source.is_dir():
        raise InputError(f"input: {shown}: no such file or folder")
    results = output and output.resolve()
    if results and source.resolve().is_relative_to(results):
        raise InputError(f"output: {output} holds the input {shown}; name another folder")
    search = _Search(source, extensions, results)
    search.run()
    if not search.photos and not search.skipped:
        raise no_photos(source, extensions)
    return FoundPhotos(sorted(search.photos), sorted(search.skipped))


def no_photos(source: AnyPath, extensions: Sequence[str]) -> InputError:
    """Return the error for a folder without photos."""
    return InputError(f"input: {printable(str(source))} has no photos ({' '.join(extensions)})")


class _Search:
    """A search of one folder and the folders in it."""

    def __init__(self, source: Path, extensions: Sequence[str], output: Path | None) -> None:
        self.source, self.extensions, self.output = source, extensions, output
        self.photos: list[Path] = []
        self.skipped: list[tuple[Path, str]] = []
        self._links: list[Path] = []
        self._searched: set[Path] = set()

    def run(self) -> None:
        self._search(self.source)
        # Links are followed after all real folders are searched. A photo that can be reached in
        # both ways thus gets its real name.
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
        marked = real.name in (OVERLAYS, PAGES) and (real.parent / RECORDS).is_dir()
        return marked or bool(self.output and real.is_relative_to(self.output))

    def _take(self, path: Path) -> None:
        photo = path.suffix.lower() in self.extensions
        # A broken link without an extension may have led to a folder of photos, so it is reported.
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
