"""How many millimetres a pixel of a photo shows: as given, or estimated from the camera."""

import math
from dataclasses import dataclass
from typing import Literal

from PIL.ExifTags import Base

from src.photos.metadata import Metadata

# Units of the resolution of the focal plane in EXIF data, in millimetres.
UNITS = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
DIAGONAL_35MM = math.hypot(36, 24)  # millimetres
INFINITY = 0xFFFFFFFF  # this numerator says that the distance is infinite (Exif 2.32)
# Estimates outside of these millimetres per pixel come from wrong data.
SMALLEST, LARGEST = 1e-4, 1e3


@dataclass(frozen=True)
class PixelSize:
    """The size of a photo's pixels on the surface.

    Attributes:
        mm_per_pixel: how many millimetres of the surface a pixel shows; None if it is unknown.
        source: where this is known from: `setting`, `exif estimate`, or None.
    """

    mm_per_pixel: float | None
    source: Literal["setting", "exif estimate"] | None


UNKNOWN = PixelSize(None, None)


def pixel_size(
    metadata: Metadata,
    size: tuple[int, int],
    mm_per_pixel: float | None,
    distance: float | None,
) -> PixelSize:
    """Find out how large the pixels of a photo are on the surface.

    Args:
        metadata: what the camera has written about the photo.
        size: the photo's width and height in pixels.
        mm_per_pixel: the size that the user has given, if any.
        distance: distance of the camera in metres. If None, the camera's own estimate is taken.

    Returns:
        The given size. Without one it is estimated from the distance and the camera, as if the
        surface were parallel to the sensor. This needs the focal length and the size of the sensor.
        An estimate that no camera can have is unknown.
    """
    if mm_per_pixel is not None:
        return PixelSize(mm_per_pixel, "setting")
    tags = metadata.details
    distance = distance or _positive(tags.get(Base.SubjectDistance))
    angle = _pixel_angle(tags, size)
    if not distance or not angle:
        return UNKNOWN
    estimate = 1000 * distance * angle
    return PixelSize(estimate, "exif estimate") if SMALLEST < estimate < LARGEST else UNKNOWN


def _pixel_angle(tags: dict[int, object], size: tuple[int, int]) -> float | None:
    """Return the width of a pixel on the sensor as a multiple of the focal length."""
    if equivalent := _positive(tags.get(Base.FocalLengthIn35mmFilm)):
        return DIAGONAL_35MM / (equivalent * math.hypot(*size))
    focal = _positive(tags.get(Base.FocalLength))
    resolution = _positive(tags.get(Base.FocalPlaneXResolution))
    unit = UNITS.get(int(_positive(tags.get(Base.FocalPlaneResolutionUnit)) or 2))
    if not focal or not resolution or not unit:
        return None
    # The resolution counts the camera's own pixels. The photo may have been made smaller or turned
    # since.
    stated = (Base.ExifImageWidth, Base.ExifImageHeight)
    sides = [side for tag in stated if (side := _positive(tags.get(tag)))]
    shrunk = max(sides, default=max(size)) / max(size)
    return unit / resolution * shrunk / focal


def _positive(value: object) -> float | None:
    """Return a number of the EXIF data, or None if it is missing, infinite or not above 0."""
    try:
        if getattr(value, "numerator", 0) >= INFINITY:
            return None
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if 0 < number < math.inf else None
