"""The findings on one photo: the verdict, the regions, and the measures of the cracks in them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image

from src.photos.centre_lines import centre_lines
from src.photos.centre_points import centre_points
from src.photos.crack_measures import crack_lines, measured
from src.photos.photo_verdict import Candidates, judged, tile_logits
from src.photos.region_features import NO_LINES, RegionLines, region_features
from src.photos.regions import Findings, Region, find_cracks
from src.photos.scoring import Scores

if TYPE_CHECKING:
    from src.model.decision import Decision


def findings_on(
    photo: Image.Image, scores: Sequence[Scores], decision: "Decision", patch: int
) -> Findings:
    """Find the cracks on a photo, measure them, and judge the photo.

    A photo no larger than a patch is judged as a patch: by its own probability. Larger ones are
    judged by the decision's rule for photographs. If it has none, the likeliest tile decides.

    Args:
        photo: the upright RGB photo that was scored.
        scores: its scores at the decision's scales.
        decision: the decision that applies.
        patch: side of the model's patches in pixels.
    """
    rule = decision.photographs
    if rule is None or max(photo.size) <= patch:
        found = find_cracks(
            scores, width=photo.width, height=photo.height, threshold=decision.threshold
        )
        found = replace(found, regions=[region for region, _ in _measured_regions(photo, found)])
    else:
        found = judged(candidates_on(photo, scores, rule.candidate, patch), rule)
    return replace(found, regions=sorted(found.regions, key=_by_width))


def candidates_on(
    photo: Image.Image, scores: Sequence[Scores], threshold: float, patch: int
) -> Candidates:
    """Find the candidates for regions of a photo, measure them, and describe them by features.

    Args:
        photo: the upright RGB photo that was scored.
        scores: its scores at the decision's scales.
        threshold: the probability from which a tile makes a candidate, above 0 and below 1.
        patch: side of the model's patches in pixels.
    """
    found = find_cracks(scores, width=photo.width, height=photo.height, threshold=threshold)
    parts = _measured_regions(photo, found)
    features = region_features(found, parts, photo.size, patch)
    found = replace(found, regions=[region for region, _ in parts])
    return Candidates(found, features, tile_logits(scores))


def _measured_regions(photo: Image.Image, found: Findings) -> list[tuple[Region, RegionLines]]:
    """Return the regions with the measures of their cracks, and the lines in them."""
    points = centre_points(photo, found.labels, found.first, found.step)
    parts = []
    for region in found.regions:
        inside, part = points.label == region.label, NO_LINES
        lines = centre_lines(points.places[inside], points.strength[inside])
        if lines:
            part = RegionLines(*crack_lines(photo, lines))
            region = replace(region, crack=measured(part.lines, part.profiles))
        parts.append((region, part))
    return parts


def _by_width(region: Region) -> float:
    return -region.crack.max_width if region.crack else 0.0
