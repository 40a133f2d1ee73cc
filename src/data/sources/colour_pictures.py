"""Reading pictures of many kinds as RGB with 8 bits a channel, and masks of cracks."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
# A mask saved as JPEG also has values between black and white.
MASKED_FROM = 128
NOISE = 40  # how far the values of a black JPEG may be apart
# The same as Pillow's own limit, which reading photos in the same process removes.
MOST_PIXELS = 178_956_970


class UnusableImage(Exception):
    """An image that cannot be used. The message is the reason."""


def refuse_too_large(image: Image.Image) -> None:
    """Raise `UnusableImage` if decoding the image would need too much memory."""
    if image.width * image.height > MOST_PIXELS:
        raise UnusableImage(f"{image.width} x {image.height} pixels exceeds limit of {MOST_PIXELS}")


def in_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to RGB with 8 bits a channel. Of 16 bits, the upper 8 are kept.

    Transparency is dropped.
    """
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.int64) >> 8
        image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return image.convert("RGB")


def read_upright(path: Path) -> np.ndarray:
    """Read a photograph as (height, width, 3) uint8, turned as its EXIF orientation says.

    Raises:
        UnusableImage: the file is no image of `FORMATS`, or it is damaged or too large.
    """
    return np.asarray(in_rgb(_upright(path)))


def read_mask(path: Path) -> np.ndarray:
    """Read a mask as (height, width) bool, which is True where the picture is bright.

    Raises:
        UnusableImage: see `read_upright`. Also if the mask is transparent somewhere, or if it has
            several values and none is bright. Such a mask has numbers of classes, for example.
    """
    picture = _upright(path)
    if picture.has_transparency_data:
        raise UnusableImage(f"the mask {path.name} is transparent; cracks are white on black")
    cracks = np.asarray(in_rgb(picture).convert("L")) >= MASKED_FROM
    values = np.asarray(picture)
    low, high = int(values.min()), int(values.max())
    noise = NOISE if path.suffix.lower() in (".jpg", ".jpeg") else 0
    if not cracks.any() and high - low > noise:
        raise UnusableImage(
            f"the mask {path.name} has values from {low} to {high} and nothing white; cracks are "
            "white (255) on black"
        )
    return cracks


def _upright(path: Path) -> Image.Image:
    try:
        with Image.open(path, formats=FORMATS) as image:
            refuse_too_large(image)
            image.load()
            return ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnusableImage(f"{path.name} cannot be read: {error}") from error
