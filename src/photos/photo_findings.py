"""The findings on one photo: its regions, and the measures of the cracks in them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image

from src.photos.centre_lines import centre_lines
from src.photos.centre_points import centre_points
from src.photos.crack_measures import measured, profiles_across, without_edges
from src.photos.regions import Findings, Region, find_cracks
from src.photos.scoring import Scores

if TYPE_CHECKING:
    from src.model.decision import Decision


def findings_on(photo: Image.Image, scores: Sequence[Scores], decision: "Decision") -> Findings:
    """Find the cracks on a photo and measure them.

    Args:
        photo: the upright RGB photo that was scored.
        scores: its scores at the decision's scales.
        decision: the decision that applies.
    """
    found = find_cracks(
        scores, width=photo.width, height=photo.height, threshold=decision.threshold
    )
    return replace(found, regions=_measured_regions(photo, found))


def _measured_regions(photo: Image.Image, found: Findings) -> list[Region]:
    """Return the regions with the measures of their cracks, the widest crack first."""
    points = centre_points(photo, found.labels, found.first, found.step)
    regions = []
    for region in found.regions:
        inside = points.label == region.label
        lines = centre_lines(points.places[inside], points.strength[inside])
        if lines:
            crack = measured(*without_edges(lines, profiles_across(photo, lines)))
            region = replace(region, crack=crack)
        regions.append(region)
    return sorted(regions, key=lambda region: -region.crack.max_width if region.crack else 0.0)
