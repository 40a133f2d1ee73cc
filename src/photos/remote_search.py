"""Finding the photos in a remote store; see `src.photos.photo_search` for local ones."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from src.data.remote import AnyPath, RemotePath, path_within
from src.errors import InputError, reason_of
from src.photos.photo_search import OVERLAYS, PAGES, RECORDS, FoundPhotos, no_photos

NO_NAME = "its name has an empty part, or leads out of the folder, which no file's here can"

NO_FOLDER = "a link leads to this folder, and it is not there"


def find_remote_photos(
    source: RemotePath, extensions: Sequence[str], *, output: AnyPath
) -> FoundPhotos:
    """Find the photos at `source`. Hidden ones, and the marked photos of any run, are left out.

    Args:
        source: a photo, or a folder, which is listed at any depth.
        extensions: the extensions of the photos in a folder, in lower case and with the dot.
        output: the folder of the results, which is not searched.

    Returns:
        The photos, with what the listing says about them.

    Raises:
        InputError: `source` cannot be listed, holds no photos, or is inside `output`.
    """
    if isinstance(output, RemotePath) and _holds(output, source):
        raise InputError(f"output: {output} holds the input {source}; name another folder")
    try:
        if not source.is_dir():
            source.facts()
            return FoundPhotos([source], [])
        folder = source.listed()
    except OSError as error:
        raise InputError(f"input: {source}: {reason_of(error)}") from None
    files = [replace(folder, key=key) for key in sorted(folder.listing or ())]
    within = {file.key: path_within(file, folder) for file in files}
    results = _results_of_runs(list(within.values()))
    photos: list[AnyPath] = []
    skipped: list[tuple[AnyPath, str]] = []
    for file in files:
        if file.key.endswith("/"):
            skipped.append((file, NO_FOLDER))
            continue
        name = within[file.key]
        hidden = any(part.startswith(".") for part in name.parts)
        marked = results.intersection(name.parents) or (
            isinstance(output, RemotePath) and _holds(output, file)
        )
        if hidden or marked or name.suffix.lower() not in extensions:
            continue
        # Two names that differ in their empty parts only would be one name here.
        empty = "//" in file.key[len(folder.key) :]
        if empty or name.is_absolute() or ".." in name.parts:
            skipped.append((file, NO_NAME))
        else:
            photos.append(file)
    if not photos and not skipped:
        raise no_photos(source, extensions)
    return FoundPhotos(photos, skipped)


def _holds(folder: RemotePath, file: RemotePath) -> bool:
    """Return whether a file or folder of the same store is in a folder, or is this folder."""
    inside = f"{file.key.rstrip('/')}/".startswith(f"{folder.key.rstrip('/')}/")
    return folder.store == file.store and inside


def _results_of_runs(names: Sequence[PurePath]) -> set[PurePath]:
    """Return the folders of marked photos. A run's folder is known by its records."""
    runs = {name.parent.parent for name in names if name.parent.name == RECORDS}
    return {run / folder for run in runs for folder in (OVERLAYS, PAGES)}
