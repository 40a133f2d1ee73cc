"""The findings on a photo as plain fields, which records, tables and served answers share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from src.photos.pixel_size import PixelSize

if TYPE_CHECKING:
    from src.config.tool_schema import Severity
    from src.photos.regions import Findings, Region

RULE = "rule"  # the value of `judged_by` where a rule for photographs has judged
PIXELS = ("length_px", "mean_width_px", "max_width_px")
MILLIMETRES = ("length_mm", "mean_width_mm", "max_width_mm")


def finding_fields(
    findings: "Findings", pixel: PixelSize, severities: Sequence["Severity"]
) -> dict[str, Any]:
    """Return the findings on a photo as values that JSON can hold.

    Args:
        findings: the findings.
        pixel: how large the pixels of the photo are.
        severities: the classes of severity by width, in any order.

    Returns:
        The verdict and the regions. What could not be measured is None. Without a size there are
        no millimetres and no severities. `judged_by` is `rule` for a photo that the decision's rule
        for photographs has judged, else `tile`.
    """
    return {
        "cracked": findings.cracked,
        "probability": round(findings.probability, 6),
        "judged_by": RULE if findings.by_rule else "tile",
        "cracked_share": round(findings.share, 6),
        "tiles": findings.tiles,
        "cracked_tiles": findings.cracked_tiles,
        "mm_per_pixel": pixel.mm_per_pixel,
        "mm_per_pixel_from": pixel.source,
        "regions": [
            _region_fields(number, region, pixel, severities)
            for number, region in enumerate(findings.regions, start=1)
        ],
    }


def severity_of(width: float, severities: Sequence["Severity"]) -> str | None:
    """Return the class of severity of a crack `width` millimetres wide; None if there is none."""
    reached = [one for one in severities if width >= one.from_mm]
    return max(reached, key=lambda one: one.from_mm).name if reached else None


def _region_fields(
    number: int, region: "Region", pixel: PixelSize, severities: Sequence["Severity"]
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": number,
        "box": list(region.box),
        "probability": round(region.probability, 6),
        "share": round(region.share, 6),
        "outline": region.outline.tolist(),
        **dict.fromkeys((*PIXELS, "direction_degrees")),
        "centre_line": [],
    }
    crack, mm = region.crack, pixel.mm_per_pixel
    sizes = (crack.length, crack.mean_width, crack.max_width) if crack else ()
    if crack:
        fields |= {key: round(size, 2) for key, size in zip(PIXELS, sizes, strict=True)}
        fields["direction_degrees"] = round(crack.direction, 1)
        fields["centre_line"] = [line.round(1).tolist() for line in crack.centre_line]
    if mm is not None:
        fields |= dict.fromkeys((*MILLIMETRES, "severity"))
    if mm is not None and crack:
        fields |= {key: round(mm * size, 3) for key, size in zip(MILLIMETRES, sizes, strict=True)}
        fields["severity"] = severity_of(mm * crack.max_width, severities)
    return fields
