"""Collecting the images of a source in one folder, and checking each of them."""

import dataclasses
import functools
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from src.config.source_schema import Images
from src.data.dataset import Collected, Dataset, write_listing
from src.data.sources.survey import class_files, sampled, survey_images
from src.errors import InputError


class ImageSource(Protocol):
    """A place that images come from."""

    @property
    def name(self) -> str:
        """The source's name in the receipt."""

    def state(self, classes: Sequence[str]) -> str | None:
        """Return a text that changes when the source's images change.

        Args:
            classes: the class names.

        Returns:
            The text, or None if the images cannot change or there are none. The state of drawn
            images is a fingerprint of the code that draws them.
        """

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        """Write all images to `staging/<class>/<file>`, as new files.

        Args:
            staging: an empty folder.
            classes: the class names.
        """


def collect_images(
    source: ImageSource, data: Images, *, reuse: bool, every_class: bool = True
) -> Dataset:
    """Fill the folder `data.dir` with all usable images of `source`, as `<class>/<file>`.

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
        every_class: whether images of every class are needed, which one of several sources are not.

    Returns:
        The dataset: images, listing and receipt. It has only the sample that `data.images` asks
        for. The folder has all images, because METU's folder is shared by all runs.

    Raises:
        InputError: the source is not available, or the folder holds a file that no fetch put there.
            It is also raised in the cases of `survey_images` and `sampled`.
    """
    survey = functools.partial(
        survey_images, source=source.name, data=data, every_class=every_class
    )
    target = Path(data.dir)
    beside = _Beside(target.resolve())  # a link stays, and the folder that it leads to is filled
    beside.clear_away()
    if reuse and all(class_files(target / name) for name in data.classes):
        try:
            # The images are not changed, because DVC pins the content of these files.
            unchanged = data.model_copy(update={"resize": False, "convert": False})
            dataset = survey(target, data=unchanged)
        except InputError as error:
            raise InputError(f"{error} Delete {target} to fetch them anew.") from error
    else:
        dataset = _collected(source, data.classes, survey, beside)
    return sampled(dataclasses.replace(dataset, folder=target), data, every_class=every_class)


def _collected(
    source: ImageSource, classes: Sequence[str], survey: Callable[..., Dataset], beside: "_Beside"
) -> Dataset:
    """Replace the images of the target by the usable ones of the source, at once."""
    _refuse_foreign(beside.target, beside.inventory)
    beside.collected.mkdir(parents=True)
    try:
        dataset = survey(beside.collected, collected=source.collect(beside.collected, classes))
        _keep_only(dataset)
        write_listing(dataset.listing, beside.listing)
        if beside.target.exists():
            beside.target.rename(beside.replaced)
        beside.collected.rename(beside.target)
    finally:
        beside.clear_away()
    return dataset


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
    if target.is_mount():
        raise InputError(
            f"a disk is mounted at {target}, and a fetch replaces data.dir as a whole: choose a "
            f"folder on that disk, or make {target} a link to one"
        )
    try:
        # An older version of this code lists fewer columns.
        listed = pd.read_csv(inventory, usecols=["path", "sha256"], dtype="str")
        put = listed.set_index("path").sha256.to_dict()
    except (OSError, ValueError):
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


def _keep_only(dataset: Dataset) -> None:
    """Delete the images in the dataset's folder that its listing does not have."""
    usable = set(dataset.paths)
    for name in dataset.classes:
        for file in class_files(dataset.folder / name):
            if file not in usable:
                file.unlink()
