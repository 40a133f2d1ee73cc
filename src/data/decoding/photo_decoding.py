"""Decoding photos from cameras, phones and scanners."""

import ctypes
import functools
import io

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base

from src.data.decoding.colours import (
    as_rgb,
    declared_bits,
    highest_values,
    merge_low_bytes,
    swapped,
)
from src.data.decoding.unreadable import Unreadable, failure_reason, one_line

# Files of other formats are not opened. For EPS, for example, Pillow would start Ghostscript.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")
# Number of memory blocks, of 16 MiB each, that Pillow keeps for the next photo. New memory would
# have to be cleared by the system. The blocks hold two photos of 12 megapixels.
KEPT_BLOCKS = 8
BYTES = 8  # the most bytes for each pixel to decode and turn a photo of `max_megapixels`
# The most pixels along a side. A marked photo is a JPEG, and libjpeg writes no longer ones.
LONGEST_SIDE = 65_500
# The most pixels for each byte of a JPEG. An undamaged one has at least a bit for 8 x 8 pixels.
JPEG_PIXELS = 8 * 64
# Bytes for each pixel that libwebp and libheif need to decode a photo, as measured in
# docs/photos.md.
WEBP_BYTES, HEIF_BYTES = 17, 9


def megapixels(data: bytes, formats: tuple[str, ...] = FORMATS) -> float:
    """Return a photo's size in megapixels, which is read from its header.

    Args:
        data: the file's bytes.
        formats: see `read_photo`.

    Raises:
        Unreadable: the file is not an image, or its header is damaged.
    """
    with opened(data, formats) as image:
        return image.width * image.height / 1e6


def read_photo(
    data: bytes, *, max_megapixels: float, formats: tuple[str, ...] = FORMATS
) -> Image.Image:
    """Decode a photo to an upright RGB image with 8 bits a channel.

    If there are several frames, the first one is read. Transparent pixels become grey. Of 16 bits,
    the upper 8 of the bits in use are kept. CMYK is converted without its colour profile.

    Args:
        data: the file's bytes.
        max_megapixels: the largest accepted size, above 0. Decoding needs at most 8 bytes of memory
            for each pixel of a photo of this size. Photos that need more are refused before they
            are decoded.
        formats: the accepted formats by their names in Pillow. HEIC is accepted too.

    Raises:
        Unreadable: the file is not an image, or it is damaged, truncated or too large.
    """
    with opened(data, formats) as image:
        try:
            _check_header(image, len(data), max_megapixels)
            photo = _decoded(image, data)
            _turn_upright(photo)
            return as_rgb(photo)
        except Exception as error:
            raise _unreadable(error) from error


def release_memory() -> None:
    """Return the memory of finished photos to the system. The C library would keep it."""
    Image.core.clear_cache()  # type: ignore[attr-defined]
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def opened(data: bytes, formats: tuple[str, ...] = FORMATS) -> ImageFile.ImageFile:
    """Open a photo without decoding its pixels.

    Args:
        data: the file's bytes.
        formats: see `read_photo`.

    Raises:
        Unreadable: the file is not an image, or its header is damaged.
    """
    accepted = (*formats, "HEIF") if _prepare_pillow() else formats
    try:
        return Image.open(io.BytesIO(data), formats=accepted)
    except UnidentifiedImageError as error:
        raise Unreadable(_unknown(data)) from error
    except Exception as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> Unreadable:
    """Return the error to raise for an exception of Pillow.

    Pillow and its libraries raise exceptions of any type for damaged files. AssertionError,
    RuntimeError, TypeError, OverflowError and others were seen.
    """
    if isinstance(error, Unreadable | MemoryError):
        return Unreadable(failure_reason(error))
    told = f": {one_line(error)}" if str(error) else ""
    return Unreadable(f"damaged or cut short{told}")


def _check_header(image: Image.Image, size: int, max_megapixels: float) -> None:
    """Refuse a photo that is too large to decode according to its header.

    Args:
        image: the photo, of which only the header is read.
        size: size of its file in bytes.
        max_megapixels: see `read_photo`.
    """
    pixels = image.width * image.height
    if pixels > max_megapixels * 1e6:
        raise Unreadable(
            f"{pixels / 1e6:.0f} megapixels, above photos.max_megapixels={max_megapixels:g}"
        )
    if max(image.size) > LONGEST_SIDE:
        raise Unreadable(f"{max(image.size)} pixels long, above the {LONGEST_SIDE} that can be")
    if image.format in ("JPEG", "MPO") and pixels > JPEG_PIXELS * size:
        raise Unreadable(
            f"damaged or cut short: {size} bytes can't hold its {pixels / 1e6:.1f} megapixels"
        )
    needed, allowed = _bytes_to_decode(image), BYTES * max_megapixels * 1e6
    if needed > allowed:
        raise Unreadable(
            f"{needed / 1e6:.0f} MB of memory are needed to decode it, above the "
            f"{allowed / 1e6:.0f} MB that max_megapixels={max_megapixels:g} allows"
        )


def _bytes_to_decode(image: Image.Image) -> float:
    """Return the most bytes of memory that decoding a photo needs, according to its header."""
    pixels = image.width * image.height
    if image.format == "WEBP":
        return WEBP_BYTES * pixels
    if image.format == "HEIF":
        return HEIF_BYTES * pixels
    if image.info.get("progressive"):
        # libjpeg keeps all coefficients of 2 bytes until the last scan.
        return pixels * (4 + 2 * len(getattr(image, "layer", "RGB")))
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        width = tags.get(Base.TileWidth, image.width)
        rows = min(tags.get(Base.RowsPerStrip, image.height), image.height)
        height = tags.get(Base.TileLength) or rows
        # Pillow turns the image before it frees the memory of the tile or strip.
        copies = 2 if tags.get(Base.Orientation, 1) > 1 else 1
        return 4 * pixels * copies + width * height * sum(tags.get(Base.BitsPerSample, (1,))) / 8
    return 4 * pixels


def _decoded(image: ImageFile.ImageFile, data: bytes) -> Image.Image:
    """Load the image. Of 16 bits a channel, the upper 8 of the bits in use are kept."""
    lower = [tile._replace(args=swapped(tile.args)) for tile in image.tile]
    deep = image.mode in ("RGB", "RGBA") and any(";16" in str(tile.args) for tile in image.tile)
    image.load()
    if not deep or max(highest_values(image)[:3]) >= 128:
        return image
    if any(tile.args is None for tile in lower):
        raise Unreadable("it uses less than its 16 bits a channel; save it with its full range")
    with opened(data) as again:
        again.tile = lower
        again.load()
        merge_low_bytes(image, again, declared_bits(image))
    return image


def _turn_upright(photo: Image.Image) -> None:
    """Turn a photo as the camera says, and drop the metadata that Pillow would write again.

    Pillow writes the EXIF data anew without the orientation, and a comment into each JPEG that is
    made of the photo. It cannot write all that it can read.
    """
    photo.getexif()  # Pillow keeps what it has parsed, and so the orientation.
    for key in ("exif", "Raw profile type exif", "comment"):
        photo.info.pop(key, None)
    ImageOps.exif_transpose(photo, in_place=True)


@functools.cache
def _prepare_pillow() -> bool:
    """Remove Pillow's own limit, because `read_photo` has one, and add HEIC.

    Returns:
        Whether HEIC is available.
    """
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
    return "not an image in JPEG, PNG, TIFF, WebP or HEIC" if data else "empty file"
