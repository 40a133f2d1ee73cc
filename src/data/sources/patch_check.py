"""The check every image passes before it is used."""

import io

from PIL import Image, JpegImagePlugin, UnidentifiedImageError

_JPEG_START = b"\xff\xd8"
# As Pillow's own limit, which whoever reads whole photos in the same process lifts.
_MOST_PIXELS = 178_956_970


class UnusableImage(Exception):
    """An image that can't be used; the message is the reason."""


def usable_jpeg(data: bytes, *, image_size: int, resize: bool) -> bytes:
    """Decode one image whole and return the JPEG to keep.

    Args:
        data: the file's bytes.
        image_size: the height and width wanted, in pixels.
        resize: bring an image of another size to `image_size` (Lanczos, the aspect ratio is not
            kept) and encode it again with the quantisation tables and chroma subsampling it had.

    Returns:
        `data` itself where the image is a JPEG, RGB and of the size wanted; else the resized JPEG.

    Raises:
        UnusableImage: the file is empty, not a JPEG, truncated or damaged, not RGB, or of another
            size while `resize` is off.
    """
    if not data:
        raise UnusableImage("empty file")
    if not data.startswith(_JPEG_START):
        raise UnusableImage("not a JPEG")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            return _usable(image, data, image_size, resize)
    except UnidentifiedImageError as error:
        raise UnusableImage("truncated or damaged: no image header") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnusableImage(f"truncated or damaged: {error}") from error


def _usable(image: Image.Image, data: bytes, image_size: int, resize: bool) -> bytes:
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    if image.mode != "RGB":
        raise UnusableImage("grey, not RGB" if image.mode == "L" else f"{image.mode}, not RGB")
    fits = image.size == (image_size, image_size)
    if not (fits or resize):
        width, height = image.size
        raise UnusableImage(f"{width} x {height} pixels, not {image_size} x {image_size}")
    if image.width * image.height > _MOST_PIXELS:
        raise UnusableImage(
            f"{image.width} x {image.height} pixels exceeds limit of {_MOST_PIXELS}"
        )
    image.load()
    if fits:
        return data
    resized = io.BytesIO()
    image.resize((image_size, image_size), Image.Resampling.LANCZOS).save(
        resized,
        "JPEG",
        qtables=image.quantization,
        subsampling=JpegImagePlugin.get_sampling(image),
    )
    return resized.getvalue()
