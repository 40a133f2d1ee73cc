"""Reading the files of images. They must still be the images that a listing names."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm.contrib.concurrent import thread_map

from src.errors import InputError


class ListedImage(NamedTuple):
    """An image of a listing.

    Attributes:
        path: the file.
        sha256: SHA-256 (hex) of the file when it was listed.
    """

    path: Path
    sha256: str


ImageFile = Path | ListedImage


def listed_images(listing: pd.DataFrame, folder: Path) -> list[ListedImage]:
    """Return the images of a listing in its order. Its paths are relative to the folder."""
    return list(map(ListedImage, (folder / path for path in listing.path), listing.sha256))


def path_of(image: ImageFile) -> Path:
    """Return the path of an image's file."""
    return image.path if isinstance(image, ListedImage) else image


def read_image_file(image: ImageFile) -> np.ndarray:
    """Read the bytes (n,) uint8 of an image's file.

    Another process may have replaced a listed image meanwhile, by a fetch into the same folder.

    Raises:
        InputError: the file cannot be read, or it is not the listed one.
    """
    path = path_of(image)
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error}; run the fetch stage again") from error
    if isinstance(image, ListedImage) and hashlib.sha256(data.data).hexdigest() != image.sha256:
        raise InputError(
            f"{path} is not the image that was fetched: it was changed, or another command has "
            "fetched other images into this folder; run again, with a data.dir of its own for each"
        )
    return data


def refuse_changed_images(images: Iterable[ListedImage]) -> None:
    """Check that files are still the listed images.

    Raises:
        InputError: see `read_image_file`.
    """
    thread_map(read_image_file, list(images), desc="checking images", unit="image")
