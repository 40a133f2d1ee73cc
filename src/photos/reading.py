"""Reading the files of photos, and parts of their pixels."""

import numpy as np
from PIL import Image

from src.data.decoding.photo_decoding import BYTES
from src.data.decoding.unreadable import Unreadable
from src.data.remote import AnyPath, RemotePath

METADATA = 2**26  # the most bytes of a file that are not its pixels


def photo_bytes(path: AnyPath, *, max_megapixels: float) -> bytes:
    """Read the content of a photo's file.

    Args:
        path: the file.
        max_megapixels: see `read_photo`.

    Raises:
        Unreadable: the file is larger than an uncompressed photo of `max_megapixels`.
        OSError: the file cannot be read.
    """
    most = int(BYTES * max_megapixels * 1e6) + METADATA
    size = file_size(path)
    if size is None or size <= most:
        data = path.read_bytes(most) if isinstance(path, RemotePath) else path.read_bytes()
        size = len(data)
    if size > most:
        raise Unreadable(
            f"a file of {size / 1e9:.1f} GB, above what {max_megapixels:g} "
            "megapixels take without compression"
        )
    return data


def file_size(path: AnyPath) -> int | None:
    """Return a file's size in bytes, or None for a remote file whose size is not known.

    Raises:
        OSError: the file is not there, or cannot be reached.
    """
    return path.facts().size if isinstance(path, RemotePath) else path.stat().st_size


def crop(image: Image.Image, left: int, top: int, width: int, height: int) -> np.ndarray:
    """Cut a part out of an RGB image. Pixels beyond its edges are reflected.

    Args:
        image: the image.
        left: first column; it may be negative.
        top: first row; it may be negative.
        width: number of columns.
        height: number of rows.

    Returns:
        The pixels (height, width, 3) uint8.
    """
    rows = _reflected(top, height, image.height)
    columns = _reflected(left, width, image.width)
    first = columns.min(), rows.min()
    pixels = np.asarray(image.crop((*first, columns.max() + 1, rows.max() + 1)))
    within = left + width <= image.width and top + height <= image.height
    if min(left, top) >= 0 and within:
        return pixels
    return pixels[np.ix_(rows - first[1], columns - first[0])]


def _reflected(start: int, count: int, side: int) -> np.ndarray:
    """Return the rows or columns of a part. Those beyond the image's `side` are reflected."""
    period = max(1, 2 * (side - 1))
    places = np.arange(start, start + count) % period
    return np.minimum(places, period - places)


def rescaled(image: Image.Image, scale: float) -> Image.Image:
    """Resize an image by a factor. At 1 the image itself is returned.

    Args:
        image: the image.
        scale: factor of both sides, above 0.
    """
    if scale == 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
