"""When, where and with what a photo was taken, from the EXIF data of its file."""

import math
from datetime import datetime
from typing import Any

from PIL import ExifTags

from src.photos.metadata import Metadata
from src.photos.names import printable

LONGEST_TEXT = 80  # letters of a camera's name that are kept


def taken(metadata: Metadata) -> dict[str, Any]:
    """Tell when, where and with what a photo was taken.

    Args:
        metadata: what the camera has written.

    Returns:
        `taken_at`, the camera's local time in ISO 8601; `camera`, its make and model; `latitude`
        and `longitude` in degrees (WGS 84, north and east are positive); `altitude` in metres above
        sea level. What is unknown is None.
    """
    found: dict[str, Any] = dict.fromkeys(
        ("taken_at", "camera", "latitude", "longitude", "altitude")
    )
    exif, details, position = metadata.main, metadata.details, metadata.position
    # A camera without a clock may write blanks or zeros for the first of the two.
    times = details.get(ExifTags.Base.DateTimeOriginal), exif.get(ExifTags.Base.DateTime)
    found["taken_at"] = _time(times[0]) or _time(times[1])
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
    sign = -1 if _letters(position.get(reference)).upper().startswith(negative) else 1
    return round(sign * angle, 7)


def _letters(value: Any) -> str:
    """Return a text of the EXIF data, which some cameras store as bytes or with blanks."""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return text.strip("\0 ")


def _altitude(position: dict[int, Any]) -> float | None:
    try:
        metres = float(position[ExifTags.GPS.GPSAltitude])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    below = position.get(ExifTags.GPS.GPSAltitudeRef) in (1, b"\x01")
    return round(-metres if below else metres, 2) if math.isfinite(metres) else None
