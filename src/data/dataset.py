"""The dataset: images in a folder, and what the stages find out about them.

Each stage takes a dataset and returns one with more information. The fetch gives the listing and
the receipt, the audit adds the relations, and the split adds the manifest.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from src.data.files import write_text
from src.data.image_files import ListedImage, listed_images
from src.data.related.groups import join_groups
from src.data.related.relations import Relations
from src.errors import InputError

LISTING_KINDS = {
    "path": "str",
    "label": "int64",
    "bytes": "int64",
    "sha256": "str",
    "source": "str",
    "photo": "str",
}
# The files that the fetch stage writes to the workspace.
LISTING, RECEIPT = "images.csv", "receipt.json"


@dataclass(frozen=True)
class Rejected:
    """An image that was left out: its path `<class>/<file>`, and the reason."""

    path: str
    reason: str


class Origin(NamedTuple):
    """Where an image comes from.

    Attributes:
        photo: the photograph that it was cut from. The name is unique within the source.
        source: the source's name, or None if it is the dataset's name.
    """

    photo: str
    source: str | None = None


@dataclass(frozen=True)
class Collected:
    """What a source has collected.

    Attributes:
        left_out: what was left out without being opened.
        origins: the origin of images by their paths `<class>/<file>`. Any other image is a
            photograph of its own, and its source is the dataset's name.
    """

    left_out: Sequence[Rejected] = ()
    origins: Mapping[str, Origin] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Receipt:
    """A summary of a fetch.

    Attributes:
        source: name of the source.
        counts: number of usable images by class, in label order.
        rejected: the images that were left out, sorted by path.
        resized: number of images that were resized or converted.
        fingerprint: see `listing_fingerprint`.
    """

    source: str
    counts: dict[str, int]
    rejected: tuple[Rejected, ...]
    resized: int
    fingerprint: str


@dataclass(frozen=True)
class Part:
    """The images of one part of the split.

    Attributes:
        paths: the n image files.
        rows: (n,) int64, the images' rows in the listing, which are also those in the feature bank.
        labels: (n,) int64, the images' labels, 0 or 1.
    """

    paths: Sequence[Path]
    rows: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """Images and what is known about them.

    Attributes:
        folder: the images' folder.
        classes: the two class names, in label order.
        image_size: height and width of every image in pixels.
        listing: table of the images, sorted by path. The columns are `path` (str, `<class>/<file>`
            in `folder`), `label` (int64, index in `classes`), `bytes` (int64), `sha256` (str,
            hex), `source` (str, the name of the source) and `photo` (str, `<source>/<photograph>`,
            the photograph that the image was cut from).
        receipt: the receipt of the fetch.
        relations: the images that show the same spot. It is empty before the audit.
        manifest: table of the images in use, with `path`, `label`, `part` (train, validation or
            test), `group` (int64) and `source`. The split keeps a group together. It is empty
            before the split.
    """

    folder: Path
    classes: Sequence[str]
    image_size: int
    listing: pd.DataFrame
    receipt: Receipt
    relations: Relations = dataclasses.field(default_factory=Relations.unknown)
    manifest: pd.DataFrame = dataclasses.field(
        default_factory=lambda: pd.DataFrame(columns=["path", "label", "part", "group", "source"])
    )

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the images; see `listing_fingerprint`."""
        return self.receipt.fingerprint

    def fingerprint_of(self, name: str) -> str:
        """The fingerprint of a part's images; see `listing_fingerprint`.

        Args:
            name: train, validation or test.
        """
        paths = self.manifest.path[self.manifest.part == name]
        return listing_fingerprint(self.listing[self.listing.path.isin(paths)])

    @property
    def paths(self) -> list[Path]:
        """The image files, in the listing's order."""
        return [self.folder / path for path in self.listing.path]

    @property
    def images(self) -> list[ListedImage]:
        """The image files with their checksums, in the listing's order."""
        return listed_images(self.listing, self.folder)

    def part(self, name: str) -> Part:
        """Return the images of a part of the split.

        Args:
            name: train, validation or test.
        """
        images = self.manifest[self.manifest.part == name]
        row_of = pd.Series(np.arange(len(self.listing)), index=self.listing.path)
        return Part(
            [self.folder / path for path in images.path],
            row_of[images.path].to_numpy(),
            images.label.to_numpy(),
        )

    def images_of(self, name: str) -> pd.DataFrame:
        """Return a table with `path`, `label`, `part`, `group` and `source` of a part's images.

        The rows have the same order as in `part`. A group holds all related images and all images
        of a photograph, even if the split separates them. Statistics need these groups, because
        such images get similar predictions.

        Args:
            name: train, validation or test.
        """
        images = self.manifest[self.manifest.part == name]
        related = self.relations.related_groups
        return with_groups(images, self.listing, join_groups(related, self.listing.photo))


def with_groups(images: pd.DataFrame, listing: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """Return a table of images with the columns `group` and `source` in addition.

    Args:
        images: a table with the column `path`. All its images are in the listing.
        listing: a table of n images with the columns `path` and `source`.
        groups: (n,) int64, the group of each image of the listing.
    """
    origin = pd.DataFrame({"group": groups, "source": listing.source.to_numpy()}, listing.path)
    return images.assign(**origin.loc[images.path].reset_index(drop=True).set_index(images.index))


def listing_fingerprint(listing: pd.DataFrame) -> str:
    """Compute the SHA-256 (hex) of the lines `<sha256>  <path>`, sorted by path.

    In the images' folder, `sha256sum */* | LC_ALL=C sort -k 2 | sha256sum` gives the same result.
    """
    digest = hashlib.sha256()
    for path, sha256 in sorted(zip(listing["path"], listing["sha256"], strict=True)):
        digest.update(f"{sha256}  {path}\n".encode())
    return digest.hexdigest()


def write_listing(listing: pd.DataFrame, path: Path) -> None:
    """Write a listing as CSV, with the columns of `LISTING_KINDS`."""
    columns = list(LISTING_KINDS)
    write_text(path, listing.to_csv(index=False, columns=columns, lineterminator="\n"))


def read_listing(path: Path) -> pd.DataFrame:
    """Read a listing; see `Dataset`.

    Raises:
        InputError: the file does not exist, or it is not a listing. An older version of this code
            may have written it.
    """
    try:
        return pd.read_csv(
            path, usecols=list(LISTING_KINDS), dtype=LISTING_KINDS, keep_default_na=False
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run the fetch stage first") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a listing of images ({error}): fetch again") from error


def write_receipt(receipt: Receipt, path: Path) -> None:
    """Write a receipt as JSON."""
    write_text(path, json.dumps(dataclasses.asdict(receipt), indent=2) + "\n")


def read_receipt(path: Path) -> Receipt:
    """Read a receipt.

    Raises:
        InputError: the file does not exist, or it is not a receipt.
    """
    try:
        return TypeAdapter(Receipt).validate_json(path.read_bytes(), strict=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run the fetch stage first") from error
    except (OSError, ValidationError) as error:
        raise InputError(f"{path} is not a receipt ({error}): fetch again") from error


def read_dataset(folder: Path, classes: Sequence[str], image_size: int, workspace: Path) -> Dataset:
    """Read the listing and the receipt of a fetched dataset from the workspace.

    Args:
        folder: see `Dataset`.
        classes: see `Dataset`.
        image_size: see `Dataset`.
        workspace: the folder with the listing and the receipt.

    Raises:
        InputError: the listing or the receipt is missing or damaged. It is also raised if an image
            is missing or has another size than in the listing.
    """
    listing, receipt = read_listing(workspace / LISTING), read_receipt(workspace / RECEIPT)
    for path, size in zip(listing.path, listing.bytes, strict=True):
        image = folder / path
        if not image.is_file() or image.stat().st_size != size:
            raise InputError(f"{image} is not as it was fetched: fetch again")
    return Dataset(folder, classes, image_size, listing, receipt)
