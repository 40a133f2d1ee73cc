"""The folder that the results over photos go to, checked before any work is done for it."""

import tempfile
from pathlib import Path

from src.errors import InputError, reason_of
from src.photos.photo_report import REPORT
from src.photos.photo_search import OVERLAYS, RECORDS
from src.photos.photo_tables import DETAILS, TABLE


def prepare_output(output: Path) -> None:
    """Make the folder and those in it.

    Raises:
        InputError: nothing can be written there, a link in it leads elsewhere, or a folder has the
            name of a file to be written.
    """
    try:
        for folder in (output, output / RECORDS, output / OVERLAYS):
            if folder != output and folder.is_symlink():
                raise InputError(
                    f"output: {folder} is a link, and nothing is written through links; remove it"
                )
            folder.mkdir(parents=True, exist_ok=True)
            # Whether a file can be made, its permissions alone don't tell.
            tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f"output: {error.filename or output}: {reason_of(error)}") from error
    for name in (REPORT, TABLE, DETAILS):
        if (output / name).is_dir():
            raise InputError(
                f"output: {output / name} is a folder, and a file is to be written there; "
                "move it away, or name another output"
            )
