"""When, where and with what a photo was taken, from the EXIF data of its file."""

import math
from datetime import datetime
from typing import Any

from PIL import ExifTags

from src.photos.names import printable
from src.photos.reading import opened

LONGEST_TEXT = 80  # letters of a camera's name that are kept


def taken(data: bytes) -> dict[str, Any]:
    """Read when, where and with what a photo was taken.

    Damaged or missing data are left out, because the photo is worth inspecting without them.

    Args:
        data: the file's bytes, of a photo that `read_photo` could read.

    Returns:
        `taken_at`, the camera's local time in ISO 8601; `camera`, its make and model; `latitude`
        and `longitude` in degrees (WGS 84, north and east are positive); `altitude` in metres above
        sea level. What is unknown is None.
    """
    found: dict[str, Any] = dict.fromkeys(
        ("taken_at", "camera", "latitude", "longitude", "altitude")
    )
    try:
        with opened(data) as image:
            exif = image.getexif()
            details, position = (
                exif.get_ifd(part) for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
            )
    # Pillow raises exceptions of any type for damaged metadata.
    except Exception:
        return found
    found["taken_at"] = _time(
        details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    )
    found["camera"] = _camera(exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model))
    north = _angle(position, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "S", 90)
    east = _angle(position, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "W", 180)
    if north is not None and east is not None:
        found["latitude"], found["longitude"] = north, east
        found["altitude"] = _altitude(position)
    return found


def _time(text: Any) -> str | None:
    try:
        return datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return None


def _camera(make: Any, model: Any) -> str | None:
    make, model = (str(text).strip("\0 ") if text else "" for text in (make, model))
    # Many cameras repeat the make in their model's name.
    name = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return printable(name)[:LONGEST_TEXT] or None


def _angle(
    position: dict[int, Any], tag: int, reference: int, negative: str, most: float
) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in position[tag])
        angle = degrees + minutes / 60 + seconds / 3600
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not math.isfinite(angle) or not 0 <= angle <= most:
        return None
    sign = -1 if str(position.get(reference, "")).upper().startswith(negative) else 1
    return round(sign * angle, 7)


def _altitude(position: dict[int, Any]) -> float | None:
    try:
        metres = float(position[ExifTags.GPS.GPSAltitude])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    below = position.get(ExifTags.GPS.GPSAltitudeRef) in (1, b"\x01")
    return round(-metres if below else metres, 2) if math.isfinite(metres) else None
