"""How the report words numbers and facts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from src.photos.photo_search import PAGES


def percent(share: float) -> str:
    """Format a share, 0 to 1, as a percentage.

    It is never 100 %, because no predicted probability is certain.
    """
    value = 100 * share
    if 0 < value < 0.1:
        return "< 0.1 %"
    if value > 99.4:
        return "> 99 %"
    return f"{value:.0f} %" if value >= 10 else f"{value:.1f} %"


def significant(value: float, digits: int) -> str:
    """Format a number with so many significant digits, and without an exponent."""
    return np.format_float_positional(
        float(f"{value:.{digits}g}"), precision=digits, fractional=False, trim="-"
    )


def short_model(name: str) -> str:
    """Return a model's name for those who were handed the report: no folder of this machine."""
    return name if name.startswith("models:/") else "/".join(name.split("/")[-2:])


def page_file(first: str, number: int) -> str:
    """Return the path of a page of the report within the output folder.

    Args:
        first: name of the first page.
        number: the page's number, from 1.
    """
    return first if number == 1 else f"{PAGES}/page-{number}.html"


def outline_points(region: Mapping[str, Any]) -> str:
    """Return a region's outline as the points of a polygon in SVG."""
    return " ".join(f"{x},{y}" for x, y in region["outline"])


def measure_text(region: Mapping[str, Any], name: str) -> str:
    """Format a measure of a region, in millimetres if they are known, and else in pixels.

    Args:
        region: a region of a record.
        name: length, mean_width or max_width.
    """
    if (value := region.get(f"{name}_mm")) is not None:
        return f"{significant(value, 3)} mm"
    value = region.get(f"{name}_px")
    return "–" if value is None else f"{value:.0f} px" if value >= 10 else f"{value:.1f} px"


def width_text(millimetres: float | None) -> str:
    """Format a width in millimetres; it is a dash if it is not known."""
    return "–" if millimetres is None else f"{significant(millimetres, 2)} mm"


def capture_text(record: Mapping[str, Any]) -> str:
    """Return when, with what and where a photo was taken, and its scale, as far as known."""
    parts = [str(record[key]) for key in ("taken_at", "camera") if record.get(key)]
    if parts and record.get("taken_at"):
        parts[0] = parts[0].replace("T", " ")
    if record.get("latitude") is not None:
        parts.append(f"{record['latitude']:.5f}, {record['longitude']:.5f}")
    if record.get("mm_per_pixel"):
        source = record.get("mm_per_pixel_from")
        told = f" ({source})" if source else ""
        parts.append(f"{significant(record['mm_per_pixel'], 3)} mm per pixel{told}")
    return " · ".join(parts)
