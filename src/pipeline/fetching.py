"""Fetching the images of a dataset: they are fetched once and then read from files."""

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
FETCHED = "fetched.json"  # settings of the last fetch, state of the source, and checksums


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

    A fetch is necessary if the images are missing, were fetched with other settings, or have
    changed since. It is also necessary if their source has changed.

    Args:
        data: see `fetch_dataset`.
        workspace: see `fetch_dataset`.

    Raises:
        InputError: the source is not available; see `collect_images`. In a stage of DVC, it is also
            raised if something has changed, because only the fetch stage may fetch.
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
    """Return the lock that a process holds while it fetches into the images' folder."""
    folder = Path(data.dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.with_name(f".{folder.name}.lock"))


def _fetch(data: Data, workspace: Path) -> Dataset:
    source = source_of(data)
    # The state is read before the fetch, so that the next fetch notices changes during this one.
    state = source.state(data.classes)
    # This file marks the others as complete, so it is deleted first and written last.
    remove_file(workspace / FETCHED)
    # data.dvc pins the METU images, so existing ones are known to be right and can be reused.
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
    """Return what the last fetch wrote about itself; empty if the file is missing or damaged."""
    try:
        noted = json.loads((workspace / FETCHED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        noted = None
    return noted if isinstance(noted, dict) else {}


def _settings_of(data: Data) -> dict[str, Any]:
    """Return the settings without passwords in addresses."""
    noted: dict[str, Any] = json.loads(without_credentials(data.model_dump_json()))
    return noted


def _fetched_as_wanted(data: Data, workspace: Path) -> bool:
    """Return whether the last fetch had these settings and its source has not changed since."""
    fetched = _noted(workspace)
    known = fetched.pop("state", None)
    fetched.pop("files", None)
    if fetched != _settings_of(data):
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
