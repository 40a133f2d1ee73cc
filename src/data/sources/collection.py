"""Collecting the images of a source in one folder, and checking each of them."""

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd
from tqdm.contrib.concurrent import thread_map

from src.config.schema import Images
from src.data.dataset import (
    LISTING_KINDS,
    Dataset,
    Receipt,
    Rejected,
    listing_fingerprint,
    read_listing,
    write_listing,
)
from src.data.sources.patch_check import UnusableImage, usable_jpeg
from src.errors import InputError

_REJECTED_SHOWN = 5  # rejected images in an error's message; the receipt lists all of them


class Source(Protocol):
    """A place that images come from."""

    @property
    def name(self) -> str:
        """The source's name in the receipt."""

    def state(self, classes: Sequence[str]) -> str | None:
        """Return a text that changes when the source's images change.

        Args:
            classes: the class names.

        Returns:
            The text, or None if the images cannot change or there are none.
        """

    def collect(self, staging: Path, classes: Sequence[str]) -> Sequence[Rejected]:
        """Write all images to `staging/<class>/<file>`, as new files.

        Args:
            staging: an empty folder.
            classes: the class names.

        Returns:
            What was left out without being opened.
        """


@dataclass(frozen=True)
class _Image:
    path: str
    label: int
    bytes: int
    sha256: str
    resized: bool


def collect_images(source: Source, data: Images, *, reuse: bool) -> Dataset:
    """Fill the folder `data.dir` with the usable images of `source`, as `<class>/<file>`.

    The folder changes only after all images were collected and checked. This also holds if the
    process is killed. The next fetch then removes the temporary files beside the folder. The file
    `.<name>.fetched.csv` beside the folder lists the images that a fetch has put there.

    Args:
        source: the source of the images.
        data: the settings of the dataset. An existing folder `data.dir` is replaced. It must not
            hold any file that no earlier fetch has put there.
        reuse: whether existing images are used instead of collecting them, if the folder holds
            images of every class. They may come from a DVC remote or an earlier fetch. They are
            checked, and unusable ones are not listed. No file is changed.

    Returns:
        The dataset: images, listing and receipt.

    Raises:
        InputError: the source is not available, or the folder holds a file that no fetch put there.
            It is also raised if a class has no usable image, or if there are fewer than
            `data.minimum_images`.
    """
    target = Path(data.dir)
    beside = _Beside(target)
    beside.clear_away()
    if reuse and all(_files(target / name) for name in data.classes):
        try:
            # The images are not resized, because DVC pins the content of these files.
            return _survey(target, source.name, data.model_copy(update={"resize": False}))
        except InputError as error:
            raise InputError(f"{error} Delete {target} to fetch them anew.") from error
    _refuse_foreign(target, beside.inventory)
    beside.collected.mkdir(parents=True)
    try:
        left_out = source.collect(beside.collected, data.classes)
        dataset = _survey(beside.collected, source.name, data, left_out)
        _keep_only(dataset)
        write_listing(dataset.listing, beside.listing)
        if target.exists():
            target.rename(beside.replaced)
        beside.collected.rename(target)
    finally:
        beside.clear_away()
    return dataclasses.replace(dataset, folder=target)


class _Beside:
    """The files that a fetch keeps beside its target. They are on the same disk, to be renamed.

    Attributes:
        target: the folder of the images.
        inventory: the listing of the images that the last fetch put into the target.
        staging: a folder that exists only during a fetch. It holds the following three.
        collected: the folder of the new images.
        listing: the listing of the new images.
        replaced: the folder of the old images.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.inventory = target.with_name(f".{target.name}.fetched.csv")
        self.staging = target.with_name(f".{target.name}.staging")
        self.collected = self.staging / "collected"
        self.listing = self.staging / "listing.csv"
        self.replaced = self.staging / "replaced"

    def clear_away(self) -> None:
        """Complete or undo an interrupted fetch, and remove the staging folder."""
        if self.replaced.exists() and not self.target.exists():
            self.replaced.rename(self.target)
        if self.listing.exists() and not self.collected.exists():
            self.listing.replace(self.inventory)
        if self.staging.exists():
            shutil.rmtree(self.staging)


def _refuse_foreign(target: Path, inventory: Path) -> None:
    """Refuse a target that holds a file which no fetch put there or which was changed since."""
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is not a folder: choose another data.dir")
    try:
        put = read_listing(inventory).set_index("path").sha256.to_dict()
    except InputError:
        # The inventory is missing or damaged, so no file is known to come from a fetch.
        put = {}

    def foreign(file: Path) -> bool:
        expected = put.get(file.relative_to(target).as_posix())
        if expected is None or not file.is_file():
            return True
        return hashlib.sha256(file.read_bytes()).hexdigest() != expected

    files = sorted(path for path in target.rglob("*") if path.is_symlink() or not path.is_dir())
    found = [str(file.relative_to(target)) for file in files if foreign(file)]
    if found:
        more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
        raise InputError(
            f"{target} would be replaced, but holds {found[0]}{more}, which no fetch put there: "
            f"choose another data.dir, or move {target} away"
        )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_file())


def _keep_only(dataset: Dataset) -> None:
    """Delete the images in the dataset's folder that its listing does not have."""
    usable = set(dataset.paths)
    for name in dataset.classes:
        for file in _files(dataset.folder / name):
            if file not in usable:
                file.unlink()


def _survey(root: Path, source: str, data: Images, left_out: Sequence[Rejected] = ()) -> Dataset:
    """Check every image in the class folders of `root`, and list the usable ones.

    If `data.resize` is set, images of another size are resized in place.
    """
    classes = data.classes
    jobs = [(path, label) for label, name in enumerate(classes) for path in _files(root / name)]

    def examine(job: tuple[Path, int]) -> _Image | Rejected:
        file, label = job
        path = f"{classes[label]}/{_readable_name(file)}"
        if _readable_name(file) != file.name:
            return Rejected(path, "its name is not UTF-8")
        content = file.read_bytes()
        try:
            usable = usable_jpeg(content, image_size=data.image_size, resize=data.resize)
        except UnusableImage as error:
            return Rejected(path, str(error))
        resized = usable is not content
        if resized:
            file.write_bytes(usable)
        return _Image(path, label, len(usable), hashlib.sha256(usable).hexdigest(), resized)

    outcomes = sorted(
        thread_map(examine, jobs, desc="checking images", unit="image"), key=lambda o: o.path
    )
    images = [outcome for outcome in outcomes if isinstance(outcome, _Image)]
    found = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    rejected = tuple(sorted([*left_out, *found], key=lambda one: one.path))
    listing = pd.DataFrame(images, columns=[*LISTING_KINDS, "resized"])
    resized = int(listing.pop("resized").sum())
    counts = {name: int((listing["label"] == i).sum()) for i, name in enumerate(classes)}
    _refuse_too_few(source, counts, rejected, data.minimum_images)
    receipt = Receipt(source, counts, rejected, resized, listing_fingerprint(listing))
    return Dataset(root, classes, data.image_size, listing, receipt)


def _readable_name(file: Path) -> str:
    """Return the file's name, with an escape sequence for each byte that is not UTF-8."""
    return os.fsencode(file.name).decode("utf-8", "backslashreplace")


def _refuse_too_few(
    source: str, counts: dict[str, int], rejected: Sequence[Rejected], minimum_images: int
) -> None:
    found = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    problem = ""
    if not all(counts.values()):
        problem = "a class has no usable image"
    elif sum(counts.values()) < minimum_images:
        problem = f"there are fewer than the {minimum_images:,} usable images asked for"
    if problem:
        shown = "; ".join(f"{item.path}: {item.reason}" for item in rejected[:_REJECTED_SHOWN])
        more = len(rejected) - _REJECTED_SHOWN
        raise InputError(
            f"{source}: {problem} (found {found}; left out {len(rejected):,}"
            + (f": {shown}" if shown else "")
            + (f" and {more:,} more" if more > 0 else "")
            + ")."
        )
