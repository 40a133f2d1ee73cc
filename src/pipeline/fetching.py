"""The images of a dataset: fetched when they are missing, and found again after that."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from filelock import FileLock

from src.config.schema import Local, Mendeley, Synthetic
from src.data.dataset import (
    LISTING,
    RECEIPT,
    Dataset,
    read_dataset,
    write_listing,
    write_receipt,
)
from src.data.files import checksums, remove_file, write_text
from src.data.sources.collection import Source, collect_images
from src.data.sources.local import LocalSource, refuse_overlap
from src.data.sources.mendeley import MendeleySource
from src.data.sources.synthetic import SyntheticSource
from src.errors import InputError, without_credentials

logger = logging.getLogger(__name__)

Data = Synthetic | Local | Mendeley
FETCHED = "fetched.json"  # by what the images were fetched, their source's state, and checksums


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

    It is needed where they are missing, were fetched under other settings, or have changed since,
    here or at their source.

    Raises:
        InputError: the source can't be had, see `collect_images`; or the images have changed, and
            this is a stage of DVC, which may not fetch for the fetch stage.
    """
    with _fetching(data):
        if not (Path(data.dir).exists() and _fetched_as_wanted(data, workspace)):
            return _fetch(data, workspace)
        try:
            return _read_fetched(data, workspace)
        except InputError as error:
            if "DVC_STAGE" in os.environ:
                raise
            logger.warning("%s; fetching now", error)
            return _fetch(data, workspace)


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
    remove_file(workspace / FETCHED)
    # data.dvc pins the METU images, so those that are there are the right ones.
    dataset = collect_images(source, data, reuse=isinstance(data, Mendeley))
    write_listing(dataset.listing, workspace / LISTING)
    write_receipt(dataset.receipt, workspace / RECEIPT)
    fetched = _settings_of(data) | {"files": checksums(workspace, (LISTING, RECEIPT))}
    fetched |= {} if state is None else {"state": state}
    write_text(workspace / FETCHED, json.dumps(fetched, indent=2) + "\n")
    return dataset


def _read_fetched(data: Data, workspace: Path) -> Dataset:
    if _noted(workspace).get("files") != checksums(workspace, (LISTING, RECEIPT)):
        raise InputError(f"{workspace}: {LISTING} or {RECEIPT} is not as the fetch left it")
    return read_dataset(Path(data.dir), data.classes, data.image_size, workspace)


def _noted(workspace: Path) -> dict[str, Any]:
    """What the last fetch noted; empty where that is missing or damaged."""
    try:
        noted = json.loads((workspace / FETCHED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        noted = None
    return noted if isinstance(noted, dict) else {}


def _settings_of(data: Data) -> dict[str, Any]:
    """The section as it is noted, without passwords in addresses."""
    noted: dict[str, Any] = json.loads(without_credentials(data.model_dump_json()))
    return noted


def _fetched_as_wanted(data: Data, workspace: Path) -> bool:
    """Whether the last fetch had these settings, and its source is as it was."""
    fetched = _noted(workspace)
    known = fetched.pop("state", None)
    fetched.pop("files", None)
    if fetched != _settings_of(data):
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
