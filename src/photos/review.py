"""Findings after a person's review: other thresholds, and corrections."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from src.data.corrections import CORRECTIONS, MISSED, Correction, in_force
from src.photos.finding_fields import RULE
from src.photos.names import printable

logger = logging.getLogger(__name__)
Record = dict[str, Any]
_PLACE = ("x", "y", "width", "height")


def reviewed(
    records: Sequence[Mapping[str, Any]], corrections: Sequence[Correction]
) -> list[Record]:
    """Return records with the corrections of their photos; see `corrected`.

    If a box lies outside its photo, the corrections are of another picture of that name. They are
    left out with a warning.

    Args:
        records: the records of photos.
        corrections: corrections of any photos.
    """
    said = by_photo(corrections)
    for record in records:
        size = (record["width"], record["height"])
        if outside := _outside(said.get(record["photo"], []), *size):
            logger.warning(
                "%s: the box %s lies outside the photo %s of %d x %d pixels; the corrections of "
                "this photo are not applied",
                *(CORRECTIONS, outside, printable(record["photo"]), *size),
            )
            del said[record["photo"]]
    return [corrected(record, said.get(record["photo"], [])) for record in records]


def by_photo(corrections: Sequence[Correction]) -> dict[str, list[Correction]]:
    """Return the corrections of each photo by its name, in their order."""
    of_photo: dict[str, list[Correction]] = {}
    for one in corrections:
        of_photo.setdefault(one.photo, []).append(one)
    return of_photo


def findings_at(
    record: Mapping[str, Any], threshold: float, corrections: Sequence[Correction] = ()
) -> Record:
    """Return a record with the verdict and the regions that another threshold leaves.

    Regions were looked for at the inspection's own threshold, so a lower one adds none. A rule for
    photographs chooses the regions of a cracked photo by a threshold of its own, which stays. The
    number of cracked tiles is not known for another threshold, and becomes None.

    Args:
        record: the record of a photo; see `src.photos.records.write_record`.
        threshold: the probability from which photos count, 0 to 1. Without a rule, regions too.
        corrections: the corrections of this photo. A region that a person has confirmed stays,
            whatever the threshold.
    """
    cracked = record["probability"] >= threshold
    said = in_force(corrections, record["width"], record["height"])
    confirmed = {one.box for one in said if one.cracked}
    by_rule = record["judged_by"] == RULE
    regions = [
        one
        for one in record["regions"]
        if tuple(one["box"]) in confirmed
        or (cracked if by_rule else one["probability"] >= threshold)
    ]
    return {
        **record,
        "cracked": cracked,
        "regions": regions,
        "cracked_share": _share(regions),
        "cracked_tiles": None,
    }


def judged_at(made_by: Mapping[str, Any], threshold: float) -> Record:
    """Return the description of an inspection whose findings have another threshold.

    `marked_at` becomes the threshold of the marked photos, which stay as they are.

    Args:
        made_by: the model and the settings of the inspection.
        threshold: see `findings_at`. It holds for photos of the size of a patch, too.
    """
    return {
        **made_by,
        "threshold": threshold,
        "marked_at": made_by["threshold"],
        "patch_threshold": threshold,
        "rule": made_by["rule"] and {**made_by["rule"], "threshold": threshold},
        "deviations": {**made_by["deviations"], "threshold": threshold},
    }


def carried_over(
    records: Sequence[Mapping[str, Any]], corrections: Sequence[Correction]
) -> list[Correction]:
    """Move corrections of earlier findings to the regions that are there now.

    A new model, scale or engine moves the boxes of regions. A correction of a region that is not
    there any more goes to the region without a correction that shares most with it. They must
    share at least half of the area that both cover; else the correction stays as it is. So do
    corrections of whole photos.

    Args:
        records: the records of photos.
        corrections: corrections of any photos.
    """
    regions = {one["photo"]: [tuple(r["box"]) for r in one["regions"]] for one in records}
    free = {photo: set(boxes) for photo, boxes in regions.items()}
    for one in corrections:
        free.get(one.photo, set()).discard(one.box)
    whole = {one["photo"]: (0, 0, one["width"], one["height"]) for one in records}
    moved = []
    for one in corrections:
        of_region = one.label != MISSED and one.box != whole.get(one.photo)
        near = free.get(one.photo, set()) if of_region else set()
        box = max(near, key=partial(_shared, one.box), default=one.box)
        if one.box in regions.get(one.photo, ()) or _shared(box, one.box) < 0.5:
            moved.append(one)
            continue
        moved.append(Correction.of_box(box, **one.model_dump(exclude=set(_PLACE))))
    return moved


def _shared(first: Sequence[int], second: Sequence[int]) -> float:
    """Return the area that two boxes share as a part of the area that they cover, 0 to 1."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0, width) * max(0, height)
    covered = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)) - shared
    return shared / covered


def corrected(record: Mapping[str, Any], corrections: Sequence[Correction]) -> Record:
    """Return a record with the verdict and the regions that a person's corrections leave.

    Regions marked `no crack` are removed. Boxes marked `crack missed`, and those marked `right`
    where no region is any more, become regions without a probability. A photo is cracked if it has
    such a box, or a region that was kept. A photo whose whole area is marked `no crack` is not.

    Args:
        record: the record of a photo; see `src.photos.records.write_record`.
        corrections: the corrections of this photo; see `in_force`.

    Returns:
        The record. If corrections apply to it, `corrected_by` has the names of the persons.
    """
    width, height = record["width"], record["height"]
    said = {one.box: one for one in in_force(corrections, width, height)}
    # A missed crack that a person has drawn around the whole photo is a box as any other.
    everything = (0, 0, width, height)
    about_all = everything in said and said[everything].label != MISSED
    whole = said.pop(everything) if about_all else None
    found = {tuple(region["box"]) for region in record["regions"]}
    applying = [one for one in said.values() if one.cracked or one.box in found]
    if not (applying or whole):
        return dict(record)
    kept = [
        region
        for region in record["regions"]
        if (mark := said.get(tuple(region["box"]))) is None or mark.cracked
    ]
    if whole and not whole.cracked:
        kept = []
    drawn = [_by_hand(one, width * height) for one in applying if one.box not in found]
    cracked = record["cracked"] and bool(kept or not found)
    people = sorted({one.by for one in (*applying, *([whole] if whole else [])) if one.by})
    return {
        **record,
        "cracked": any(one.cracked for one in applying) or (whole.cracked if whole else cracked),
        "regions": kept + drawn,
        "cracked_share": _share(kept + drawn),
        "corrected_by": ", ".join(people) or "a person",
    }


def _outside(
    corrections: Sequence[Correction], width: int, height: int
) -> tuple[int, int, int, int] | None:
    """Return the first box that lies outside a photo of this size, or None."""
    boxes = (one.box for one in corrections)
    return next((box for box in boxes if box[2] > width or box[3] > height), None)


def _by_hand(correction: Correction, area: int) -> Record:
    left, top, right, bottom = correction.box
    return {
        "box": [left, top, right, bottom],
        "probability": None,
        "share": round(correction.width * correction.height / area, 6),
        "outline": [[left, top], [right, top], [right, bottom], [left, bottom]],
    }


def _share(regions: Sequence[Mapping[str, Any]]) -> float:
    return min(1.0, round(sum(region["share"] for region in regions), 6))
