"""What a visitor takes home: the report as ZIP or PDF, and single files."""

import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from src.data.corrections import CORRECTIONS
from src.data.files import temporary_folder
from src.page.visits import Refused
from src.photos.output_folder import RESULT_FILES
from src.photos.photo_search import OVERLAYS, PAGES

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PRINT = ".print-"  # what the name of a page begins with, of which a PDF is made
SECONDS_TO_PRINT = 300


def zipped(folder: Path, photos: Iterable[Path]) -> Path:
    """Put the results of a visit into a ZIP file, and return its path.

    Args:
        folder: the visit's folder, with its results.
        photos: files of the folder that are added, as the training on corrections needs photos.
    """
    files = [folder / name for name in (*RESULT_FILES, CORRECTIONS)]
    # Hidden files are not written completely yet.
    files += [one for name in (PAGES, OVERLAYS) for one in sorted((folder / name).glob("[!.]*"))]
    files += photos
    # Pictures are compressed already.
    with _new_file(folder, ".zip") as target, zipfile.ZipFile(target, "w") as archive:
        for file in files:
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return target


def copied(file: Path) -> Path:
    """Return a copy of a file in the same folder, which stays when the file is written again."""
    with _new_file(file.parent, file.suffix) as target:
        shutil.copyfile(file, target)
    return target


def browser() -> str | None:
    """Return the command of a browser that can print, or None."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def printed(page: Path) -> Path:
    """Print an HTML page to PDF with Chromium, and return the file's path.

    Args:
        page: the page, which lies beside its pictures.

    Raises:
        Refused: there is no Chromium, or it fails.
    """
    command = browser()
    if command is None:
        raise Refused(501, "a PDF needs Chromium here; open the report and print it to PDF instead")
    with _new_file(page.parent, ".pdf") as target, temporary_folder("crack-app-print") as profile:
        options = ["--headless", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer"]
        # Nothing is fetched: the page has all it needs beside it.
        options += ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"]
        # Chromium's sandbox does not work for root, as in containers.
        options += ["--no-sandbox"] if os.geteuid() == 0 else []
        options += [f"--user-data-dir={profile}", f"--print-to-pdf={target}", page.as_uri()]
        try:
            done = subprocess.run(
                [command, *options], capture_output=True, timeout=SECONDS_TO_PRINT
            )
        except subprocess.TimeoutExpired as error:
            raise Refused(
                504, "Chromium took too long; open the report and print it to PDF"
            ) from error
        if done.returncode or not target.stat().st_size:
            raise Refused(500, "Chromium could not print; open the report and print it to PDF")
    return target


@contextmanager
def _new_file(folder: Path, suffix: str) -> Iterator[Path]:
    """Make a new file, which is deleted again if it is not written completely."""
    handle, name = tempfile.mkstemp(prefix=".download-", suffix=suffix, dir=folder)
    os.close(handle)
    try:
        yield Path(name)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
