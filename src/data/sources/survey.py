"""Checking the images of a source, and listing the usable ones."""

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.contrib.concurrent import thread_map

from src.config.source_schema import Images, ImagesOfSource
from src.data.dataset import Collected, Dataset, Origin, Receipt, Rejected, listing_fingerprint
from src.data.sources.colour_pictures import UnusableImage
from src.data.sources.patch_check import usable_jpeg
from src.errors import InputError

NOTHING_KNOWN = Collected()
_REJECTED_SHOWN = 5  # rejected images in an error's message; the receipt lists all of them


@dataclass(frozen=True)
class _Image:
    path: str
    label: int
    bytes: int
    sha256: str
    resized: bool
    source: str
    photo: str


def class_files(folder: Path) -> list[Path]:
    """Return the files in the folder of a class, sorted."""
    return sorted(path for path in folder.glob("*") if path.is_file())


def survey_images(
    root: Path,
    *,
    source: str,
    data: Images,
    every_class: bool,
    collected: Collected = NOTHING_KNOWN,
) -> Dataset:
    """Check every image in the class folders of `root`, and list the usable ones.

    Args:
        root: the folder that holds a folder for each class.
        source: the source's name in the receipt.
        data: the settings of the dataset. If `data.resize` or `data.convert` is set, images are
            resized or converted in place.
        every_class: whether images of every class are needed.
        collected: what the source has collected.

    Raises:
        InputError: a class that is needed has no usable image, or there are fewer images than
            `data.minimum_images`.
    """
    classes = data.classes
    jobs = [
        (path, label) for label, name in enumerate(classes) for path in class_files(root / name)
    ]

    def examine(job: tuple[Path, int]) -> _Image | Rejected:
        return _examined(*job, data, collected.origins)

    outcomes = sorted(
        thread_map(examine, jobs, desc="checking images", unit="image"), key=lambda o: o.path
    )
    images = [outcome for outcome in outcomes if isinstance(outcome, _Image)]
    found = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    rejected = tuple(sorted([*collected.left_out, *found], key=lambda one: one.path))
    listing = pd.DataFrame(images, columns=[field.name for field in dataclasses.fields(_Image)])
    _refuse_too_few(source, _counts(listing, classes), rejected, data.minimum_images, every_class)
    resized = int(listing.pop("resized").sum())
    counts = _counts(listing, classes)
    receipt = Receipt(source, counts, rejected, resized, listing_fingerprint(listing))
    return Dataset(root, classes, data.image_size, listing, receipt)


def sampled(dataset: Dataset, data: Images, *, every_class: bool) -> Dataset:
    """Return the dataset with the random sample of its images that `data.images` asks for.

    Args:
        dataset: all usable images.
        data: the settings of the dataset.
        every_class: whether images of every class are needed.

    Raises:
        InputError: a class that is needed has no image in the sample.
    """
    if not isinstance(data, ImagesOfSource):
        return dataset
    listing = sample_of_photos(dataset.listing, data.images, data.seed)
    counts = _counts(listing, dataset.classes)
    if every_class and (missing := [name for name, count in counts.items() if not count]):
        raise InputError(
            f"data.images={data.images} draws no image of {' and '.join(missing)}: set it higher, "
            "or choose another data.seed"
        )
    fingerprint = listing_fingerprint(listing)
    receipt = dataclasses.replace(dataset.receipt, counts=counts, fingerprint=fingerprint)
    return dataclasses.replace(dataset, listing=listing, receipt=receipt)


def _examined(
    file: Path, label: int, data: Images, origins: Mapping[str, Origin]
) -> _Image | Rejected:
    path = f"{data.classes[label]}/{_readable_name(file)}"
    if _readable_name(file) != file.name:
        return Rejected(path, "its name is not UTF-8")
    # Tables of images have a line for each.
    if {"\r", "\n"} & set(file.name):
        return Rejected(path, "its name has a line break")
    content = file.read_bytes()
    try:
        usable = usable_jpeg(
            content, image_size=data.image_size, resize=data.resize, convert=data.convert
        )
    except UnusableImage as error:
        return Rejected(path, str(error))
    origin = origins.get(path, Origin(path))
    source = origin.source or data.name
    changed = usable is not content
    if changed and not file.suffix.lower().startswith(".jp"):
        # The suffix stays in the name, because a.png and a.tif may be in one folder.
        if file.with_name(f"{file.name}.jpg").exists():
            return Rejected(path, f"there is another image {file.name}.jpg; rename one of them")
        file.unlink()
        file = file.with_name(f"{file.name}.jpg")
        path = f"{path}.jpg"
    if changed:
        file.write_bytes(usable)
    sha256 = hashlib.sha256(usable).hexdigest()
    return _Image(path, label, len(usable), sha256, changed, source, f"{source}/{origin.photo}")


def sample_of_photos(listing: pd.DataFrame, count: int | None, seed: int) -> pd.DataFrame:
    """Draw a random sample of images, photograph by photograph.

    Only of the last photograph that is drawn some images may be left out.

    Args:
        listing: a table of images with `photo`.
        count: the largest number of images; None means all.
        seed: seed of the sample.

    Returns:
        The images that were drawn, in their former order.
    """
    if count is None or count >= len(listing):
        return listing
    photos = np.random.default_rng(seed).permutation(np.sort(listing.photo.unique()))
    turn = pd.Series(np.arange(len(photos)), index=photos)[listing.photo].to_numpy()
    chosen = np.sort(np.argsort(turn, kind="stable")[:count])
    return listing.iloc[chosen].reset_index(drop=True)


def _counts(listing: pd.DataFrame, classes: Sequence[str]) -> dict[str, int]:
    return {name: int((listing["label"] == i).sum()) for i, name in enumerate(classes)}


def _readable_name(file: Path) -> str:
    """Return the file's name, with an escape sequence for each byte that is not UTF-8."""
    return os.fsencode(file.name).decode("utf-8", "backslashreplace")


def _refuse_too_few(
    source: str,
    counts: dict[str, int],
    rejected: Sequence[Rejected],
    minimum_images: int,
    every_class: bool,
) -> None:
    found = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    problem = ""
    if every_class and not all(counts.values()):
        problem = "a class has no usable image"
    elif sum(counts.values()) < minimum_images:
        problem = f"there are fewer than {minimum_images:,} usable images (data.minimum_images)"
    if problem:
        shown = "; ".join(f"{item.path}: {item.reason}" for item in rejected[:_REJECTED_SHOWN])
        more = len(rejected) - _REJECTED_SHOWN
        raise InputError(
            f"{source}: {problem} (found {found}; left out {len(rejected):,}"
            + (f": {shown}" if shown else "")
            + (f" and {more:,} more" if more > 0 else "")
            + ")."
        )
