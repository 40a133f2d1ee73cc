"""The dataset: images in a folder, and all that the stages find out about them.

Each stage takes the dataset and hands on one that knows more: fetching gives the listing and the
receipt, the audit adds the relations, the split adds the manifest.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from src.data.files import write_text
from src.data.related.relations import Relations
from src.errors import InputError

LISTING_KINDS = {"path": "str", "label": "int64", "bytes": "int64", "sha256": "str"}
# What the fetch stage leaves in the workspace.
LISTING, RECEIPT = "images.csv", "receipt.json"


@dataclass(frozen=True)
class Rejected:
    """An image that was left out: its path, `<class>/<file>`, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class Receipt:
    """What was fetched.

    Attributes:
        source: the source's own name.
        counts: usable images by class, in label order.
        rejected: the images left out, sorted by path.
        resized: how many images were brought to the size wanted.
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
        paths: of the image files.
        rows: (n,) int64, their rows in the listing, and so in the feature bank.
        labels: (n,) int64, 0 or 1.
    """

    paths: Sequence[Path]
    rows: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """Images and what is known about them.

    Attributes:
        folder: the images' folder.
        classes: the two class names, by label.
        image_size: height and width of every image, in pixels.
        listing: one row an image, sorted by path: `path` (str, `<class>/<file>` in `folder`),
            `label` (int64, index in `classes`), `bytes` (int64) and `sha256` (str, hex).
        receipt: of the fetch.
        relations: which images show the same spot; empty before the audit.
        manifest: `path`, `label`, `part` (train, validation or test) and `group` (int64, what the
            split keeps together) of the images in use; empty before the split.
    """

    folder: Path
    classes: Sequence[str]
    image_size: int
    listing: pd.DataFrame
    receipt: Receipt
    relations: Relations = dataclasses.field(default_factory=Relations.unknown)
    manifest: pd.DataFrame = dataclasses.field(
        default_factory=lambda: pd.DataFrame(columns=["path", "label", "part", "group"])
    )

    @property
    def fingerprint(self) -> str:
        """Of the images; see `listing_fingerprint`."""
        return self.receipt.fingerprint

    @property
    def paths(self) -> list[Path]:
        """The image files, in the listing's order."""
        return [self.folder / path for path in self.listing.path]

    def part(self, name: str) -> Part:
        """The images of the part `name` of the split."""
        images = self.manifest[self.manifest.part == name]
        row_of = pd.Series(np.arange(len(self.listing)), index=self.listing.path)
        return Part(
            [self.folder / path for path in images.path],
            row_of[images.path].to_numpy(),
            images.label.to_numpy(),
        )

    def images_of(self, name: str) -> pd.DataFrame:
        """`path`, `label`, `part` and `group` of the images of a part, in the order of `part`.

        The group is that of all related images, whatever the split keeps together: images of one
        spot are predicted alike on either side of the split.
        """
        images = self.manifest[self.manifest.part == name]
        return with_groups(images, self.listing, self.relations.related_groups)


def with_groups(images: pd.DataFrame, listing: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """`images`, which are some of the listing, with the `group` of each.

    Args:
        images: a table with a column `path`.
        listing: the images that the groups are of.
        groups: (n,) int64, one for each row of the listing.
    """
    group_of = pd.Series(groups, index=listing.path)
    return images.assign(group=group_of[images.path].to_numpy())


def listing_fingerprint(listing: pd.DataFrame) -> str:
    """SHA-256 (hex) of the lines `<sha256>  <path>`, sorted by path.

    Inside the images' folder, `sha256sum */* | LC_ALL=C sort -k 2 | sha256sum` gives the same.
    """
    digest = hashlib.sha256()
    for path, sha256 in sorted(zip(listing["path"], listing["sha256"], strict=True)):
        digest.update(f"{sha256}  {path}\n".encode())
    return digest.hexdigest()


def write_listing(listing: pd.DataFrame, path: Path) -> None:
    """Write `path,label,bytes,sha256`, one line an image."""
    columns = list(LISTING_KINDS)
    write_text(path, listing.to_csv(index=False, columns=columns, lineterminator="\n"))


def read_listing(path: Path) -> pd.DataFrame:
    """Read a listing; see `Dataset.listing`.

    Raises:
        InputError: there is no such file, or it is not a listing.
    """
    try:
        return pd.read_csv(path, usecols=list(LISTING_KINDS), dtype=LISTING_KINDS)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run the fetch stage first") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a listing of images ({error}): fetch again") from error


def write_receipt(receipt: Receipt, path: Path) -> None:
    """Write the receipt as JSON."""
    write_text(path, json.dumps(dataclasses.asdict(receipt), indent=2) + "\n")


def read_receipt(path: Path) -> Receipt:
    """Read a receipt.

    Raises:
        InputError: there is no such file, or it is not a receipt.
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
        InputError: either is missing or damaged, or an image is missing or has another size.
    """
    listing, receipt = read_listing(workspace / LISTING), read_receipt(workspace / RECEIPT)
    for path, size in zip(listing.path, listing.bytes, strict=True):
        image = folder / path
        if not image.is_file() or image.stat().st_size != size:
            raise InputError(f"{image} is not as it was fetched: fetch again")
    return Dataset(folder, classes, image_size, listing, receipt)
