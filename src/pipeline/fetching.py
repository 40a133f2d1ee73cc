"""The images of a dataset: fetched when they are missing, and found again after that."""

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
FETCHED = "fetched.json"  # the settings that the images were fetched by, and their source's state


def source_of(data: Data) -> Source:
    """The source of images that the section `data` names.

    Raises:
        InputError: a local source overlaps with the folder that its images are fetched into.
    """
    if isinstance(data, Mendeley):
        return MendeleySource(data)
    if isinstance(data, Local):
        refuse_overlap(Path(data.path), Path(data.dir))
        return LocalSource(Path(data.path), data.max_ratio)
    return SyntheticSource(data)


def fetch_dataset(data: Data, workspace: Path) -> Dataset:
    """Fetch the images, and write their listing and receipt into the workspace."""
    with _fetching(data):
        return _fetch(data, workspace)


def fetched_dataset(data: Data, workspace: Path) -> Dataset:
    """The dataset of the images, which are fetched first where that is needed.

    It is needed where they are missing, were fetched under other settings, or have changed at
    their source since.

    Raises:
        InputError: the source can't be had, see `collect_images`; or it has changed, and this is a
            stage of DVC, which may not fetch for the fetch stage.
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
    """A lock for the one process that fetches into the images' folder."""
    folder = Path(data.dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.with_name(f".{folder.name}.lock"))


def _fetch(data: Data, workspace: Path) -> Dataset:
    source = source_of(data)
    # Read before the fetch, so that the next fetch notices what changed during this one.
    state = source.state(data.classes)
    # This file vouches for the others, so it goes first and is written last.
    (workspace / FETCHED).unlink(missing_ok=True)
    # data.dvc pins the METU images, so those that are there are the right ones.
    dataset = collect_images(source, data, reuse=isinstance(data, Mendeley))
    write_listing(dataset.listing, workspace / LISTING)
    write_receipt(dataset.receipt, workspace / RECEIPT)
    fetched = data.model_dump() | ({} if state is None else {"state": state})
    write_text(workspace / FETCHED, json.dumps(fetched, indent=2) + "\n")
    return dataset


def _fetched_as_wanted(data: Data, workspace: Path) -> bool:
    """Whether the last fetch had these settings, and its source is as it was."""
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
        # One stage may not replace what another has written.
        raise InputError(
            f"{source.name} has changed since the fetch stage ran: "
            "`dvc repro --force fetch`, then `dvc repro`"
        )
    return unchanged
