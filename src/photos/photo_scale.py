"""How many millimetres a pixel of a photo shows: as given, or estimated from the camera."""

import math
from dataclasses import dataclass
from typing import Literal

from src.photos.reading import opened

# Tags of a photo's EXIF data, and units of its focal plane resolution in millimetres.
EXIF, FOCAL_LENGTH, FOCAL_LENGTH_35MM, SUBJECT_DISTANCE = 0x8769, 0x920A, 0xA405, 0x9206
RESOLUTION, RESOLUTION_UNIT, WIDTH = 0xA20E, 0xA210, 0xA002
UNITS = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
DIAGONAL_35MM = math.hypot(36, 24)  # millimetres


@dataclass(frozen=True)
class PhotoScale:
    """The scale of a photo.

    Attributes:
        mm_per_pixel: how many millimetres of the surface a pixel shows; None if it is unknown.
        source: where this is known from: `setting`, `exif estimate`, or None.
    """

    mm_per_pixel: float | None
    source: Literal["setting", "exif estimate"] | None


UNKNOWN = PhotoScale(None, None)


def photo_scale(
    data: bytes, size: tuple[int, int], mm_per_pixel: float | None, distance: float | None
) -> PhotoScale:
    """Find out the scale of a photo.

    Args:
        data: the bytes of the photo's file, which can be read.
        size: the photo's width and height in pixels.
        mm_per_pixel: the scale that the user has given, if any.
        distance: distance of the camera in metres. If None, the camera's own estimate is taken.

    Returns:
        The given scale. Without one it is estimated from the distance and the camera, as if the
        surface were parallel to the sensor. This needs the focal length and the size of the sensor.
    """
    if mm_per_pixel is not None:
        return PhotoScale(mm_per_pixel, "setting")
    tags = _camera_tags(data)
    distance = distance or _positive(tags.get(SUBJECT_DISTANCE))
    angle = _pixel_angle(tags, size)
    if not distance or not angle:
        return UNKNOWN
    return PhotoScale(1000 * distance * angle, "exif estimate")


def _camera_tags(data: bytes) -> dict[int, object]:
    try:
        with opened(data) as image:
            return dict(image.getexif().get_ifd(EXIF))
    # Damaged EXIF data raises errors of many types. The photo itself can be read nevertheless.
    except Exception:
        return {}


def _pixel_angle(tags: dict[int, object], size: tuple[int, int]) -> float | None:
    """Return the width of a pixel on the sensor as a multiple of the focal length."""
    if equivalent := _positive(tags.get(FOCAL_LENGTH_35MM)):
        return DIAGONAL_35MM / (equivalent * math.hypot(*size))
    focal, resolution = (_positive(tags.get(tag)) for tag in (FOCAL_LENGTH, RESOLUTION))
    unit = UNITS.get(int(_positive(tags.get(RESOLUTION_UNIT)) or 2))
    if not focal or not resolution or not unit:
        return None
    # The resolution counts the camera's own pixels. The photo may have been made smaller since.
    shrunk = (_positive(tags.get(WIDTH)) or max(size)) / max(size)
    return unit / resolution * shrunk / focal


def _positive(value: object) -> float | None:
    """Return a number of the EXIF data, or None if it is missing, infinite or not above 0."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if 0 < number < math.inf else None
