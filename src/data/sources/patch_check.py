"""The check of every image of a dataset."""

import io

from PIL import Image, JpegImagePlugin
from PIL.ExifTags import Base

from src.data.decoding.photo_decoding import opened
from src.data.decoding.unreadable import Unreadable
from src.data.sources.colour_pictures import FORMATS, UnusableImage, read_picture, refuse_too_large

_JPEG_START = b"\xff\xd8"
# Quality of converted images, which have no quantisation tables of their own.
_QUALITY = 95


def usable_jpeg(data: bytes, *, image_size: int, resize: bool, convert: bool = False) -> bytes:
    """Decode an image completely, and return the JPEG to keep.

    Args:
        data: the file's bytes.
        image_size: the required height and width in pixels.
        resize: whether an image of another size is resized to `image_size`, with Lanczos. The
            aspect ratio is not kept. A JPEG is encoded with its former quantisation tables and
            chroma subsampling.
        convert: whether an image that is not an upright JPEG in RGB is converted to one.

    Returns:
        `data` itself if it is such a JPEG of the required size, else the new JPEG.

    Raises:
        UnusableImage: the file is empty, truncated or damaged. It is also raised if the image has
            another size and `resize` is False, or if it is not a JPEG in RGB and `convert` is
            False.
    """
    if not data:
        raise UnusableImage("empty file")
    if not (convert or data.startswith(_JPEG_START)):
        raise UnusableImage("not a JPEG")
    try:
        with opened(data, FORMATS if convert else ("JPEG",)) as image:
            return _usable(image, data, image_size, resize, convert)
    except Unreadable as error:
        raise UnusableImage(str(error)) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnusableImage(f"truncated or damaged: {error}") from error


def _usable(image: Image.Image, data: bytes, image_size: int, resize: bool, convert: bool) -> bytes:
    kept = isinstance(image, JpegImagePlugin.JpegImageFile) and image.mode == "RGB"
    kept = kept and not (convert and _is_turned(image))
    if not (kept or convert):
        raise UnusableImage("grey, not RGB" if image.mode == "L" else f"{image.mode}, not RGB")
    fits = image.size == (image_size, image_size)
    if not (fits or resize):
        width, height = image.size
        raise UnusableImage(f"{width} x {height} pixels, not {image_size} x {image_size}")
    if kept:
        refuse_too_large(image.width * image.height / 1e6)
        image.load()
        if fits:
            return data
        coding, rgb = _coding_of(image), image
    else:
        coding, rgb = {"quality": _QUALITY, "subsampling": 0}, read_picture(data)
    encoded = io.BytesIO()
    if not fits:
        rgb = rgb.resize((image_size, image_size), Image.Resampling.LANCZOS)
    rgb.save(encoded, "JPEG", **coding)
    return encoded.getvalue()


def _is_turned(image: Image.Image) -> bool:
    """Return whether a picture's EXIF data say that it has to be turned or mirrored."""
    try:
        return image.getexif().get(Base.Orientation) in range(2, 9)
    # Pillow raises exceptions of any type for damaged metadata.
    except Exception:
        return False


def _coding_of(image: Image.Image) -> dict[str, object]:
    """Return the quantisation tables and chroma subsampling of a JPEG."""
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    subsampling = JpegImagePlugin.get_sampling(image)
    return {"qtables": image.quantization, "subsampling": subsampling}
