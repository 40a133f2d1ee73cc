"""Reading photos as they come from cameras, phones and scanners."""

import functools
import io
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from src.errors import InputError

# Memory of 16 MiB each that Pillow keeps for the next photo, instead of giving it back and having
# the system clear it anew: two photos of 12 megapixels.
KEPT_BLOCKS = 8
GREY = 127  # what the network's own padding is, and so what transparency shows
# In an output folder: what was found, and the marked photos.
RECORDS, OVERLAYS = ".records", "overlays"
# Besides what they say they raise, Pillow and libheif trip over damaged bytes anywhere: sizes that
# libheif takes for an attack are RuntimeErrors, EXIF values of a wrong type are TypeErrors or
# AttributeErrors once Pillow writes the EXIF of a turned photo anew, offsets are OverflowErrors.
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    RuntimeError,
    TypeError,
    AttributeError,
    ArithmeticError,
    LookupError,
)


class Unreadable(Exception):
    """A photo that can't be read; the message is the reason."""


def find_photos(source: Path, extensions: Sequence[str], *, output: Path) -> list[Path]:
    """Photos at `source`, sorted, without those that a run has marked.

    Args:
        source: a photo, taken whatever its name ends in, or a folder, searched at any depth.
        extensions: what the names of a folder's photos end in, in lower case with the dot.
        output: where the results go, a folder not searched.

    Raises:
        InputError: there is no such file or folder, no photo in it, or `output` holds it.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise InputError(f"input: {source}: no such file or folder")
    if source.resolve().is_relative_to(output.resolve()):
        raise InputError(f"output: {output} holds the input {source}; name another folder")
    everything = sorted(source.rglob("*"))
    results = {path.resolve().with_name(OVERLAYS) for path in everything if path.name == RECORDS}
    results.add(output.resolve())
    found = [
        path
        for path in everything
        if path.suffix.lower() in extensions
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(source).parts)
        and results.isdisjoint(path.resolve().parents)
    ]
    if not found:
        raise InputError(f"input: {source} has no photos ({' '.join(extensions)})")
    return found


def megapixels(data: bytes) -> float:
    """Of a photo, by its header alone.

    Raises:
        Unreadable: not an image.
    """
    with _opened(data) as image:
        return image.width * image.height / 1e6


def read_photo(data: bytes, *, max_megapixels: float) -> Image.Image:
    """Decode a photo, upright as its camera was held, as an RGB image of 8 bits a channel.

    Of several frames the first. Transparency shows grey; of 16 bits the upper 8 are kept; CMYK is
    converted without its colour profile. Needs 4 bytes a pixel, and 8 while it is turned.

    Args:
        data: the file's bytes.
        max_megapixels: larger photos are refused before they are decoded.

    Raises:
        Unreadable: not an image, damaged, cut short or too large.
    """
    size = megapixels(data)
    if size > max_megapixels:
        raise Unreadable(f"{size:.0f} megapixels, above photos.max_megapixels={max_megapixels:g}")
    with _opened(data) as image:
        try:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _as_rgb(image)
        except DAMAGED as error:
            raise Unreadable(f"damaged or cut short: {error}".strip()) from error


def _opened(data: bytes) -> Image.Image:
    _prepare_pillow()
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        raise Unreadable(_unknown(data)) from error
    except DAMAGED as error:
        raise Unreadable(f"damaged or cut short: {error}".strip()) from error


def crop(image: Image.Image, left: int, top: int, width: int, height: int) -> np.ndarray:
    """Pixels (height, width, 3) uint8; what lies right of or below the image is its reflection."""
    inside = image.crop(
        (left, top, min(left + width, image.width), min(top + height, image.height))
    )
    pixels = np.asarray(inside)
    beyond = height - pixels.shape[0], width - pixels.shape[1]
    if any(beyond):
        pixels = np.pad(pixels, ((0, beyond[0]), (0, beyond[1]), (0, 0)), mode="reflect")
    return pixels


def rescaled(image: Image.Image, scale: float) -> Image.Image:
    """The image with `scale` times as many pixels along each side; itself at 1."""
    if scale == 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise Unreadable("its pixels are floating-point numbers of unknown range")
    if image.mode.startswith("I"):
        # Grey of 16 bits; Pillow's own conversion would clip it to the lowest 8.
        grey = np.asarray(image)
        return Image.fromarray((grey >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        visible = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (GREY, GREY, GREY, 255))
        return Image.alpha_composite(ground, visible).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


@functools.cache
def _prepare_pillow() -> bool:
    """Lift Pillow's own limit, as `read_photo` has one, and add HEIC; is HEIC there?"""
    Image.MAX_IMAGE_PIXELS = None
    Image.core.set_blocks_max(KEPT_BLOCKS)  # type: ignore[attr-defined]
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _unknown(data: bytes) -> str:
    if data[4:8] == b"ftyp" and not _prepare_pillow():
        return "HEIC needs one more package: pip install pillow-heif"
    return "not an image" if data else "empty file"
