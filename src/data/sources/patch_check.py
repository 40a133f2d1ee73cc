"""The check of every image of a dataset."""

import io

from PIL import Image, JpegImagePlugin, UnidentifiedImageError

_JPEG_START = b"\xff\xd8"
# The same as Pillow's own limit, which reading photos in the same process removes.
_MOST_PIXELS = 178_956_970


class UnusableImage(Exception):
    """An image that cannot be used. The message is the reason."""


def usable_jpeg(data: bytes, *, image_size: int, resize: bool) -> bytes:
    """Decode an image completely, and return the JPEG to keep.

    Args:
        data: the file's bytes.
        image_size: the required height and width in pixels.
        resize: whether an image of another size is resized to `image_size`, with Lanczos. The
            aspect ratio is not kept. The image is encoded with its former quantisation tables and
            chroma subsampling.

    Returns:
        `data` itself if the image has the required size, else the resized JPEG.

    Raises:
        UnusableImage: the file is empty, not a JPEG, truncated, damaged or not RGB. It is also
            raised if the image has another size and `resize` is False.
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
