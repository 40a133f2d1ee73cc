"""Checksums by which a later command notices that a file has changed since it was written.

A command that writes files for other commands writes a note beside them, with their SHA-256.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from src.data.files import checksums, file_sha256, remove_file, write_text
from src.errors import InputError

# The notes of the split and of the training, beside the files that they wrote.
SPLIT_NOTE, TRAINING_NOTE = "split.json", "trained.json"


def vouch_for(folder: Path, names: Iterable[str], note: str) -> None:
    """Write the SHA-256 of files in a folder to the file `note` in it."""
    write_text(folder / note, json.dumps({"files": checksums(folder, names)}, indent=2) + "\n")


def begin_anew(folder: Path, names: Iterable[str], note: str) -> None:
    """Delete a note and the files that it may vouch for, before they are written again.

    An interrupted command then leaves no files of two results side by side.
    """
    for name in (note, *names):
        remove_file(folder / name)


def refuse_changed(path: Path, note: str) -> None:
    """Refuse a file that is not as the note beside it says.

    A file without a note is not checked, because a user may have made it. Nor is one that the note
    does not know.

    Raises:
        InputError: the file has changed since it was written, or the note is damaged.
    """
    noted = path.with_name(note)
    if not (path.is_file() and noted.is_file()):
        return
    try:
        known = dict(json.loads(noted.read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{noted} is damaged, so {path.name} can't be checked by it: repeat the command that "
            "wrote both"
        ) from error
    if path.name in known and file_sha256(path) != known[path.name]:
        raise InputError(
            f"{path} has changed since it was written, as {noted} shows: repeat the command that "
            "wrote it; to use your own file, put it into another folder"
        )
