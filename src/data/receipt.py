"""What a fetch leaves for later stages: the listing of the images and the receipt."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pandas as pd

from src.data.files import write_text
from src.errors import InputError

COLUMNS = ("path", "label", "bytes", "sha256")


@dataclasses.dataclass(frozen=True)
class Rejected:
    """An image left out: its path, `<class>/<file>`, and why."""

    path: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Receipt:
    """What was fetched.

    Attributes:
        source: the source's own name.
        counts: usable images by class, in label order.
        rejected: the images left out, sorted by path.
        resized: how many images were brought to the size wanted.
        fingerprint: see `fingerprint`.
    """

    source: str
    counts: dict[str, int]
    rejected: tuple[Rejected, ...]
    resized: int
    fingerprint: str


def fingerprint(listing: pd.DataFrame) -> str:
    """SHA-256 (hex) of the lines `<sha256>  <path>`, sorted by path.

    Inside the images' folder, `sha256sum */* | LC_ALL=C sort -k 2 | sha256sum` gives the same.
    """
    digest = hashlib.sha256()
    for path, sha256 in sorted(zip(listing["path"], listing["sha256"], strict=True)):
        digest.update(f"{sha256}  {path}\n".encode())
    return digest.hexdigest()


def write_listing(listing: pd.DataFrame, path: Path) -> None:
    """Write `path,label,bytes,sha256`, one line an image."""
    write_text(path, listing.to_csv(index=False, columns=list(COLUMNS), lineterminator="\n"))


def read_listing(path: Path) -> pd.DataFrame:
    """Read a listing.

    Returns:
        One row an image, sorted by path: `path` (str, `<class>/<file>`), `label` (int64, the
        class's index), `bytes` (int64, the file's size) and `sha256` (str, hex).

    Raises:
        InputError: there is no such file, or it is no listing.
    """
    kinds = {"path": "str", "label": "int64", "bytes": "int64", "sha256": "str"}
    try:
        return pd.read_csv(path, usecols=list(COLUMNS), dtype=kinds)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run the fetch stage first") from error
    except ValueError as error:
        raise InputError(f"{path} is no listing of images ({error}): fetch again") from error


def write_receipt(receipt: Receipt, path: Path) -> None:
    """Write the receipt as JSON."""
    write_text(path, json.dumps(dataclasses.asdict(receipt), indent=2) + "\n")


def read_receipt(path: Path) -> Receipt:
    """Read a receipt.

    Raises:
        InputError: there is no such file, or it is no receipt.
    """
    try:
        values = json.loads(path.read_text())
        rejected = tuple(Rejected(**item) for item in values.pop("rejected"))
        return Receipt(**values, rejected=rejected)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run the fetch stage first") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path} is no receipt ({error!r}): fetch again") from error
