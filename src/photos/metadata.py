"""What a camera has written about a photo: the EXIF data of its file."""

from dataclasses import dataclass, field
from typing import Any

from PIL import ExifTags

from src.data.decoding.photo_decoding import opened

# Keys of `Image.info` with the EXIF data of a PNG.
_OF_PNG = {"exif", "Raw profile type exif"}


@dataclass(frozen=True)
class Metadata:
    """The EXIF data of a photo, by the numbers of their tags.

    Attributes:
        main: the camera and the time.
        details: how the photo was taken.
        position: where it was taken.
    """

    main: dict[int, Any] = field(default_factory=dict)
    details: dict[int, Any] = field(default_factory=dict)
    position: dict[int, Any] = field(default_factory=dict)


def read_metadata(data: bytes) -> Metadata:
    """Read the EXIF data of a photo, without decoding its pixels.

    Damaged data are left out, because the photo is worth inspecting without them. So are those that
    come after the pixels of a PNG.

    Args:
        data: the file's bytes, of a photo that `read_photo` could read.
    """
    try:
        with opened(data) as image:
            # Pillow would decode the whole PNG to look behind its pixels.
            if image.format == "PNG" and not _OF_PNG & set(image.info):
                return Metadata()
            exif = image.getexif()
            return Metadata(
                dict(exif),
                dict(exif.get_ifd(ExifTags.IFD.Exif)),
                dict(exif.get_ifd(ExifTags.IFD.GPSInfo)),
            )
    # Pillow raises exceptions of any type for damaged metadata.
    except Exception:
        return Metadata()
