"""Fetching the images of a dataset: they are fetched once and then read from files."""

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from src.config.source_schema import (
    CorrectedPhotos,
    Data,
    Drawn,
    Local,
    Mendeley,
    Ozgenel,
    PhotosWithMasks,
    Sdnet2018,
    Several,
    Source,
    Synthetic,
)
from src.data.dataset import (
    LISTING,
    RECEIPT,
    Dataset,
    read_dataset,
    write_listing,
    write_receipt,
)
from src.data.files import checksums, remove_file, write_text
from src.data.sources.collection import ImageSource, collect_images
from src.data.sources.combined import CombinedSource
from src.data.sources.corrected_photos import CorrectionsSource
from src.data.sources.drawn import DrawnSource
from src.data.sources.local import LocalSource, refuse_overlap
from src.data.sources.mendeley import MendeleySource
from src.data.sources.ozgenel import OzgenelSource
from src.data.sources.photo_folder import PhotosSource
from src.data.sources.sdnet2018 import Sdnet2018Source
from src.data.sources.synthetic import SyntheticSource
from src.errors import InputError, without_credentials
from src.pipeline.earlier_work import take_over

logger = logging.getLogger(__name__)

FETCHED = "fetched.json"  # settings of the last fetch, state of the source, and checksums
PARTS_FOLDER = "sources"  # the folder in the workspace for the listings of several sources


def source_of(data: Source) -> ImageSource:
    """Return the source of images that the section `data` names.

    Raises:
        InputError: the folder of a local source overlaps the folder that images are fetched to.
    """
    if isinstance(data, Local | PhotosWithMasks | CorrectedPhotos):
        refuse_overlap(Path(data.path), Path(data.dir))
    match data:
        case Local():
            return LocalSource(Path(data.path), data.max_ratio, data.photo)
        case PhotosWithMasks():
            return PhotosSource(data)
        case CorrectedPhotos():
            return CorrectionsSource(data)
        case Mendeley():
            return MendeleySource(data)
        case Ozgenel():
            return OzgenelSource(data)
        case Sdnet2018():
            return Sdnet2018Source(data)
        case Drawn():
            return DrawnSource(data)
        case Synthetic():
            return SyntheticSource(data)


def states_of(data: Data) -> dict[str, str]:
    """Return the state of each source by its name; see `ImageSource`. Some sources have none."""
    sections = data.sources if isinstance(data, Several) else {data.name: data}
    states = {}
    for name, one in sections.items():
        with _settings_in_place(data, name):
            states[name] = source_of(one).state(one.classes)
    return {name: state for name, state in states.items() if state is not None}


@contextmanager
def _settings_in_place(data: Data, name: str) -> Iterator[None]:
    """Name a setting of one of several sources `data.sources.NAME.…` in what an error says."""
    try:
        yield
    except InputError as error:
        if not isinstance(data, Several):
            raise
        settings = "|".join(type(data.sources[name]).model_fields)
        place = rf"(?<![\w./])data\.(?=(?:{settings})\b)"
        raise InputError(re.sub(place, f"data.sources.{name}.", str(error))) from error


def fetch_dataset(data: Data, workspace: Path) -> Dataset:
    """Fetch the images, and write their listing and receipt to the workspace.

    Each of several sources is fetched into its own folder, if it is not there already. The images
    in use are then copied into the folder of the dataset.

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
    # A stage of DVC must not replace files that another stage has written.
    return _found_or_fetched(data, workspace, keep="DVC_STAGE" in os.environ)


def _found_or_fetched(
    data: Data, workspace: Path, *, keep: bool, every_class: bool = True
) -> Dataset:
    with _fetching(data):
        if not (Path(data.dir).exists() and _known(data, workspace, keep)):
            return _fetch_and_tell(data, workspace, every_class)
        try:
            return _read_fetched(data, workspace)
        except InputError as error:
            if keep:
                raise
            logger.warning("%s; fetching now", error)
            return _fetch_and_tell(data, workspace, every_class)


def _fetch_and_tell(data: Data, workspace: Path, every_class: bool) -> Dataset:
    """Fetch the images, and warn of files that are left out."""
    dataset = _fetch(data, workspace, every_class)
    if rejected := dataset.receipt.rejected:
        logger.warning(
            "%s: %d left out, such as %s: %s; %s lists all",
            *(data.name, len(rejected), rejected[0].path, rejected[0].reason, workspace / RECEIPT),
        )
    return dataset


def _fetching(data: Data) -> FileLock:
    """Return the lock that a process holds while it fetches into the images' folder."""
    folder = Path(data.dir)
    if not folder.name:
        raise InputError(f"data.dir={data.dir} has no name: choose a folder for the images alone")
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.with_name(f".{folder.name}.lock"))


def _fetch(data: Data, workspace: Path, every_class: bool = True) -> Dataset:
    # The states are read before the fetch, so that the next fetch notices changes during this one.
    states = states_of(data)
    # This file marks the others as complete, so it is deleted first and written last.
    remove_file(workspace / FETCHED)
    source = _combined(data, workspace) if isinstance(data, Several) else source_of(data)
    # data.dvc pins the METU images, so existing ones are known to be right and can be reused.
    reuse = isinstance(data, Mendeley)
    dataset = collect_images(source, data, reuse=reuse, every_class=every_class)
    write_listing(dataset.listing, workspace / LISTING)
    write_receipt(dataset.receipt, workspace / RECEIPT)
    files = checksums(workspace, (LISTING, RECEIPT))
    fetched = _settings_of(data) | {"files": files, "states": states}
    write_text(workspace / FETCHED, json.dumps(fetched, indent=2) + "\n")
    return dataset


def _combined(data: Several, workspace: Path) -> CombinedSource:
    parts = {}
    for name, section in data.sources.items():
        own = workspace / PARTS_FOLDER / name
        named = section.model_copy(update={"name": name})
        with _settings_in_place(data, name):
            parts[name] = _found_or_fetched(named, own, keep=False, every_class=False)
    return CombinedSource(parts)


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


def _known(data: Data, workspace: Path, keep: bool) -> bool:
    """Return whether these images were fetched for this workspace or another one beside it."""

    def fits(folder: Path) -> bool:
        return _fetched_as_wanted(data, folder, keep)

    files = (LISTING, RECEIPT, FETCHED)
    return fits(workspace) or (not keep and take_over(workspace, files, fits))


def _fetched_as_wanted(data: Data, workspace: Path, keep: bool) -> bool:
    """Return whether the last fetch had these settings and its sources have not changed since.

    Raises:
        InputError: a source has changed, and the images must be kept as they are.
    """
    fetched = _noted(workspace)
    known = fetched.pop("states", {})
    fetched.pop("files", None)
    if fetched != _settings_of(data):
        return False
    changed = [name for name, state in states_of(data).items() if known.get(name) != state]
    if changed and keep:
        raise InputError(
            f"the images of {', '.join(changed)} have changed since the fetch stage ran: run "
            "`dvc repro --force fetch`, then `dvc repro`"
        )
    return not changed
