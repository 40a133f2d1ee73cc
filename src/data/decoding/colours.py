"""Converting pixels of any kind to RGB with 8 bits a channel.

The pixels are converted in bands of rows, so that 8 bytes of memory for each pixel are enough.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from src.data.decoding.unreadable import Unreadable

BAND = 2**18  # number of pixels that are converted at a time
GREY = 127  # value of transparent pixels, which is the same as that of the network's padding
# The numbers of bits in use that cameras and scanners store in 16 bits.
DEPTHS = (8, 10, 12, 14, 16)

Box = tuple[int, int, int, int]


def as_rgb(image: Image.Image) -> Image.Image:
    """Convert a decoded image to RGB with 8 bits a channel.

    Transparent pixels become grey. If a grey image has 16 bits, the upper 8 of the bits in use are
    kept. An image that is already RGB is returned unchanged.

    Args:
        image: an image of any of Pillow's modes.

    Raises:
        Unreadable: the colours are L*a*b*, or the range of the numbers is unknown.
    """
    if image.mode == "F":
        raise Unreadable("its pixels are floating-point numbers of unknown range")
    if image.mode == "LAB":
        raise Unreadable("its colours are L*a*b*; save it as RGB")
    if image.mode.startswith("I"):
        return _in_bands(image, _of_whole_numbers(image))
    if image.has_transparency_data:
        return _in_bands(image, _on_grey)
    if image.mode == "RGB":
        return image
    return _in_bands(image, lambda band: band.convert("RGB"))


def bits_in_use(highest: int, declared: int) -> int:
    """Return the number of bits a channel that an image with 16 bits a channel uses.

    Args:
        highest: the highest value in the image.
        declared: number of bits that the image's file declares; 0 if it does not.
    """
    needed = max(highest.bit_length(), declared)
    return next((depth for depth in DEPTHS if needed <= depth), DEPTHS[-1])


def declared_bits(image: Image.Image) -> int:
    """Return the number of bits a channel that a TIFF's tags declare as used, or 0 if none do."""
    tags = getattr(image, "tag_v2", {})
    for tag in (Base.SMaxSampleValue, Base.MaxSampleValue):
        if tag in tags:
            return int(np.max(tags[tag])).bit_length()
    bits = int(np.max(tags.get(Base.BitsPerSample, 16)))
    return bits if bits < 16 else 0


def merge_low_bytes(high: Image.Image, low: Image.Image, declared: int) -> None:
    """Replace the upper bytes of an image by the upper 8 of the bits that it uses.

    Args:
        high: the upper bytes of an image with 16 bits a channel, RGB or RGBA. It is changed in
            place.
        low: the lower bytes of the same image.
        declared: see `bits_in_use`.
    """
    highest = 0
    for _, upper, lower in _pairs(high, low):
        highest = max(highest, int((upper[..., :3] << 8 | lower[..., :3]).max()))
    shift = bits_in_use(highest, declared) - 8
    opacity = highest_values(high)[3:]
    for box, upper, lower in _pairs(high, low):
        pixels = ((upper << 8 | lower) >> shift).clip(0, 255).astype(np.uint8)
        if opacity and opacity[0] >> shift:
            # The opacity uses all of its 16 bits, unlike the colours.
            pixels[..., 3] = upper[..., 3]
        high.paste(Image.fromarray(pixels), box[:2])


def highest_values(image: Image.Image) -> list[int]:
    """Return the highest value in each channel of an image with 8 bits a channel."""
    return [int(highest) for _, highest in np.reshape(image.getextrema(), (-1, 2))]


def swapped(arguments: Any) -> Any:
    """Return arguments with which Pillow's decoder reads the lower bytes instead of the upper ones.

    Args:
        arguments: the decoder's arguments, which contain Pillow's raw mode.

    Returns:
        The arguments, or None if the raw mode does not have 16 bits a channel.
    """
    if isinstance(arguments, tuple):
        rawmode = swapped(arguments[0])
        return rawmode and (rawmode, *arguments[1:])
    name, semicolon, order = str(arguments).partition(";16")
    if not semicolon or name not in ("RGB", "RGBA", "RGBX"):
        return None
    little = (sys.byteorder == "little") if order == "N" else (order == "L")
    return f"{name};16{'B' if little else 'L'}"


def _pairs(high: Image.Image, low: Image.Image) -> Iterator[tuple[Box, np.ndarray, np.ndarray]]:
    for box in _bands(high):
        upper, lower = (np.asarray(one.crop(box), np.uint16) for one in (high, low))
        yield box, upper, lower


def _in_bands(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    rgb = Image.new("RGB", image.size)
    for box in _bands(image):
        rgb.paste(convert(image.crop(box)), box[:2])
    return rgb


def _bands(image: Image.Image) -> Iterator[Box]:
    rows = max(1, BAND // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def _on_grey(band: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", band.size, (GREY, GREY, GREY, 255))
    return Image.alpha_composite(ground, band.convert("RGBA")).convert("RGB")


def _of_whole_numbers(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Return the function that converts greys of more than 8 bits to RGB.

    Pillow's own conversion would clip them to 255.
    """
    lowest = highest = 0
    for box in _bands(image):
        band = np.asarray(image.crop(box))
        lowest, highest = min(lowest, int(band.min())), max(highest, int(band.max()))
    if lowest < 0 or highest >= 2**16:
        raise Unreadable(
            f"its greys are numbers from {lowest} to {highest}, of unknown range; "
            "save it with 8 or 16 bits a pixel"
        )
    shift = bits_in_use(highest, declared_bits(image)) - 8
    inverted = getattr(image, "tag_v2", {}).get(Base.PhotometricInterpretation) == 0

    def converted(band: Image.Image) -> Image.Image:
        grey = (np.asarray(band) >> shift).clip(0, 255).astype(np.uint8)
        return Image.fromarray(255 - grey if inverted else grey).convert("RGB")

    return converted
