"""Reading pictures of many kinds as RGB with 8 bits a channel, and masks of cracks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from src.data.decoding import photo_decoding
from src.data.decoding.colours import as_rgb
from src.data.decoding.photo_decoding import megapixels, opened, read_photo
from src.data.decoding.unreadable import Unreadable

FORMATS = (*photo_decoding.FORMATS, "BMP")
# A mask saved as JPEG also has values between black and white.
MASKED_FROM = 128
MOST_MEGAPIXELS = 178  # as in Pillow's own limit


class UnusableImage(Exception):
    """An image that cannot be used. The message is the reason."""


def refuse_too_large(size: float) -> None:
    """Raise `UnusableImage` if a picture has too many megapixels."""
    if size > MOST_MEGAPIXELS:
        raise UnusableImage(f"{size:.0f} megapixels, above the limit of {MOST_MEGAPIXELS}")


def read_picture(data: bytes) -> Image.Image:
    """Decode a picture as `src.predict` decodes a photo; see `read_photo`.

    Args:
        data: the file's bytes.

    Raises:
        UnusableImage: the file is no image of `FORMATS`, or it is damaged or too large.
    """
    try:
        refuse_too_large(megapixels(data, FORMATS))
        return read_photo(data, max_megapixels=MOST_MEGAPIXELS, formats=FORMATS)
    except Unreadable as error:
        raise UnusableImage(str(error)) from error


def read_upright(path: Path) -> np.ndarray:
    """Read a photograph as (height, width, 3) uint8; see `read_picture`.

    Raises:
        UnusableImage: see `read_picture`.
    """
    return np.asarray(_named(path, read_picture))


def read_mask(path: Path) -> np.ndarray:
    """Read a mask as (height, width) bool, which is True where the picture is bright.

    Raises:
        UnusableImage: see `read_picture`. Also if the mask is transparent somewhere, or if it has
            several values and none is bright. Such a mask has numbers of classes, for example.
    """
    picture = _named(path, _as_it_is)
    if picture.has_transparency_data and np.asarray(picture.convert("RGBA"))[..., 3].min() < 255:
        raise UnusableImage(f"the mask {path.name} is transparent; cracks are white on black")
    try:
        colours = as_rgb(picture)
    except Unreadable as error:
        raise UnusableImage(f"{path.name} cannot be read: {error}") from error
    cracks = np.asarray(colours.convert("L")) >= MASKED_FROM
    # Numbers of classes are grey values or those of a palette. Of other pictures the colours count,
    # without an opaque alpha channel and the inks of CMYK.
    values = np.asarray(picture if len(picture.getbands()) == 1 else colours)
    low, high = int(values.min()), int(values.max())
    if not cracks.any() and high > low:
        raise UnusableImage(
            f"the mask {path.name} has values from {low} to {high} and nothing white; cracks are "
            "white (255) on black"
        )
    return cracks


def _named(path: Path, read: Callable[[bytes], Image.Image]) -> Image.Image:
    """Read a file, and name it in the reason if it cannot be used."""
    try:
        return read(path.read_bytes())
    except (UnusableImage, OSError) as error:
        raise UnusableImage(f"{path.name} cannot be read: {error}") from error


def _as_it_is(data: bytes) -> Image.Image:
    """Decode a picture upright, in its own mode."""
    try:
        refuse_too_large(megapixels(data, FORMATS))
        with opened(data, FORMATS) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except UnusableImage:
        raise
    except Unreadable as error:
        raise UnusableImage(str(error)) from error
    # Pillow and its libraries raise exceptions of any type for damaged files.
    except Exception as error:
        raise UnusableImage(f"damaged or cut short: {error}") from error
