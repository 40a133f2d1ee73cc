"""Reading photos as they come from cameras, phones and scanners."""

import ctypes
import functools
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from src.photos.colours import as_rgb, declared_bits, highest_values, merge_low_bytes, swapped
from src.photos.unreadable import Unreadable, failure_reason, one_line

# Nothing else is opened, whatever a file is called: for EPS, Pillow would start Ghostscript.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")
# Memory of 16 MiB each that Pillow keeps for the next photo, instead of giving it back and having
# the system clear it anew: two photos of 12 megapixels.
KEPT_BLOCKS = 8
BYTES = 8  # a pixel, at most, to decode and turn a photo of `max_megapixels`
METADATA = 2**26  # bytes of a file that are not its pixels, at most
# Pixels along a side: libjpeg writes no more, and a marked photo is a JPEG.
LONGEST_SIDE = 65_500
# An undamaged JPEG has at least a bit for each 8 x 8 pixels.
JPEG_PIXELS = 8 * 64  # at most in each byte
# Bytes a pixel that libwebp and libheif take to decode a photo: measured, docs/photos.md.
WEBP_BYTES, HEIF_BYTES = 17, 9
# Tags of a TIFF.
TILE_WIDTH, TILE_HEIGHT, STRIP_HEIGHT, BITS, ORIENTATION = 322, 323, 278, 258, 274


def megapixels(data: bytes) -> float:
    """Of a photo, by its header alone.

    Raises:
        Unreadable: not an image.
    """
    with _opened(data) as image:
        return image.width * image.height / 1e6


def read_photo(data: bytes, *, max_megapixels: float) -> Image.Image:
    """Decode a photo, upright as its camera was held, as an RGB image of 8 bits a channel.

    Of several frames the first. Transparency shows grey; of 16 bits the upper 8 of those in use are
    kept; CMYK is converted without its colour profile. Needs at most 8 bytes for each pixel of the
    largest photo that is accepted.

    Args:
        data: the file's bytes.
        max_megapixels: larger photos are refused before they are decoded, and those that need more
            memory than 8 bytes for each of so many pixels.

    Raises:
        Unreadable: not an image, damaged, cut short or too large.
    """
    with _opened(data) as image:
        try:
            _check_header(image, len(data), max_megapixels)
            photo = _decoded(image, data)
            ImageOps.exif_transpose(photo, in_place=True)
            return as_rgb(photo)
        except Exception as error:
            raise _unreadable(error) from error


def release_memory() -> None:
    """Give the memory of photos that are done back to the system; the C library would keep it."""
    Image.core.clear_cache()  # type: ignore[attr-defined]
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def photo_bytes(path: Path, *, max_megapixels: float) -> bytes:
    """The content of a photo's file.

    Raises:
        Unreadable: it is larger than any photo of `max_megapixels` without compression.
        OSError: it can't be read.
    """
    size = path.stat().st_size
    if size > BYTES * max_megapixels * 1e6 + METADATA:
        raise Unreadable(
            f"a file of {size / 1e9:.1f} GB, above what {max_megapixels:g} "
            "megapixels take without compression"
        )
    return path.read_bytes()


def _opened(data: bytes) -> ImageFile.ImageFile:
    formats = (*FORMATS, "HEIF") if _prepare_pillow() else FORMATS
    try:
        return Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError as error:
        raise Unreadable(_unknown(data)) from error
    except Exception as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> Unreadable:
    """Why a photo can't be read, of what Pillow raises.

    Pillow and the libraries under it trip over damaged bytes anywhere, with exceptions of any type:
    AssertionError, RuntimeError, TypeError, OverflowError and others were seen.
    """
    if isinstance(error, Unreadable | MemoryError):
        return Unreadable(failure_reason(error))
    return Unreadable(f"damaged or cut short: {one_line(error)}")


def _check_header(image: Image.Image, size: int, max_megapixels: float) -> None:
    """Refuse what the header of a file of `size` bytes says is too large to decode."""
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
    """How much memory the photo needs at most before it is RGB, by its header."""
    pixels = image.width * image.height
    if image.format == "WEBP":
        return WEBP_BYTES * pixels
    if image.format == "HEIF":
        return HEIF_BYTES * pixels
    if image.info.get("progressive"):
        # libjpeg keeps all coefficients, 2 bytes each, until the last scan.
        return pixels * (4 + 2 * len(getattr(image, "layer", "RGB")))
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        width = tags.get(TILE_WIDTH, image.width)
        height = tags.get(TILE_HEIGHT) or min(tags.get(STRIP_HEIGHT, image.height), image.height)
        # Pillow turns it while the tile's or strip's own memory is still there.
        copies = 2 if tags.get(ORIENTATION, 1) > 1 else 1
        return 4 * pixels * copies + width * height * sum(tags.get(BITS, (1,))) / 8
    return 4 * pixels


def _decoded(image: ImageFile.ImageFile, data: bytes) -> Image.Image:
    """The loaded image; one of 16 bits a channel with the upper 8 of the bits that it uses."""
    lower = [tile._replace(args=swapped(tile.args)) for tile in image.tile]
    deep = image.mode in ("RGB", "RGBA") and any(";16" in str(tile.args) for tile in image.tile)
    image.load()
    if not deep or max(highest_values(image)[:3]) >= 128:
        return image
    if any(tile.args is None for tile in lower):
        raise Unreadable("it uses less than its 16 bits a channel; save it with its full range")
    with _opened(data) as again:
        again.tile = lower
        again.load()
        merge_low_bytes(image, again, declared_bits(image))
    return image


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
    return "not an image in JPEG, PNG, TIFF, WebP or HEIC" if data else "empty file"


def crop(image: Image.Image, left: int, top: int, width: int, height: int) -> np.ndarray:
    """Pixels (height, width, 3) uint8; what lies right of or below the image is its reflection."""
    rows = _reflected(top, height, image.height)
    columns = _reflected(left, width, image.width)
    first = columns.min(), rows.min()
    pixels = np.asarray(image.crop((*first, columns.max() + 1, rows.max() + 1)))
    if left + width <= image.width and top + height <= image.height:
        return pixels
    return pixels[np.ix_(rows - first[1], columns - first[0])]


def _reflected(start: int, count: int, side: int) -> np.ndarray:
    """The `count` places from `start` on, those beyond `side` reflected at its last as often as
    need be."""
    period = max(1, 2 * (side - 1))
    places = np.arange(start, start + count) % period
    return np.minimum(places, period - places)


def rescaled(image: Image.Image, scale: float) -> Image.Image:
    """The image with `scale` times as many pixels along each side; itself at 1."""
    if scale == 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
