"""Fetching the images of a dataset: they are fetched once and then read from files."""

import json
import os
from pathlib import Path

from filelock import FileLock

from src.config.schema import Local, Mendeley, Synthetic
from src.data.dataset import (
    LISTING,
    RECEIPT,
    Dataset,
    read_listing,
    read_receipt,
    write_listing,
    write_receipt,
)
from src.data.files import write_text
from src.data.sources.collection import Source, collect_images
from src.data.sources.local import LocalSource, refuse_overlap
from src.data.sources.mendeley import MendeleySource
from src.data.sources.synthetic import SyntheticSource
from src.errors import InputError

Data = Synthetic | Local | Mendeley
FETCHED = "fetched.json"  # the settings of the last fetch, and the state of the source at the time


def source_of(data: Data) -> Source:
    """Return the source of images that the section `data` names.

    Raises:
        InputError: the folder of a local source overlaps the folder that images are fetched to.
    """
    if isinstance(data, Mendeley):
        return MendeleySource(data)
    if isinstance(data, Local):
        refuse_overlap(Path(data.path), Path(data.dir))
        return LocalSource(Path(data.path), data.max_ratio)
    return SyntheticSource(data)


def fetch_dataset(data: Data, workspace: Path) -> Dataset:
    """Fetch the images, and write their listing and receipt to the workspace.

    Args:
        data: the settings of the dataset.
        workspace: the folder to write into.

    Raises:
        InputError: the source is not available; see `collect_images`.
    """
    with _fetching(data):
        return _fetch(data, workspace)


def fetched_dataset(data: Data, workspace: Path) -> Dataset:
    """Return the dataset, and fetch its images first if necessary.

    A fetch is necessary if the images are missing or were fetched with other settings. It is also
    necessary if their source has changed since.

    Args:
        data: see `fetch_dataset`.
        workspace: see `fetch_dataset`.

    Raises:
        InputError: the source is not available, see `collect_images`. In a stage of DVC, also if
            the source has changed, because only the fetch stage may fetch.
    """
    with _fetching(data):
        if not (Path(data.dir).exists() and _fetched_as_wanted(data, workspace)):
            return _fetch(data, workspace)
        return Dataset(
            Path(data.dir),
            data.classes,
            data.image_size,
            read_listing(workspace / LISTING),
            read_receipt(workspace / RECEIPT),
        )


def _fetching(data: Data) -> FileLock:
    """Return the lock that a process holds while it fetches into the images' folder."""
    folder = Path(data.dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.with_name(f".{folder.name}.lock"))


def _fetch(data: Data, workspace: Path) -> Dataset:
    source = source_of(data)
    # The state is read before the fetch, so that the next fetch notices changes during this one.
    state = source.state(data.classes)
    # This file marks the others as complete, so it is deleted first and written last.
    (workspace / FETCHED).unlink(missing_ok=True)
    # data.dvc pins the METU images, so existing ones are known to be right and can be reused.
    dataset = collect_images(source, data, reuse=isinstance(data, Mendeley))
    write_listing(dataset.listing, workspace / LISTING)
    write_receipt(dataset.receipt, workspace / RECEIPT)
    fetched = data.model_dump() | ({} if state is None else {"state": state})
    write_text(workspace / FETCHED, json.dumps(fetched, indent=2) + "\n")
    return dataset


def _fetched_as_wanted(data: Data, workspace: Path) -> bool:
    """Return whether the last fetch had these settings and its source has not changed since."""
    made = workspace / FETCHED
    if not made.exists():
        return False
    fetched = json.loads(made.read_text(encoding="utf-8"))
    known = fetched.pop("state", None)
    if fetched != data.model_dump():
        return False
    source = source_of(data)
    unchanged = source.state(data.classes) in (None, known)
    if not unchanged and "DVC_STAGE" in os.environ:
        # A stage of DVC must not replace files that another stage has written.
        raise InputError(
            f"{source.name} has changed since the fetch stage ran: run "
            "`dvc repro --force fetch`, then `dvc repro`"
        )
    return unchanged
