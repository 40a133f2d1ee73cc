"""Findings after a person's review: other thresholds, and corrections."""

from collections.abc import Mapping, Sequence
from typing import Any

from src.data.corrections import CORRECTIONS, Correction
from src.errors import InputError
from src.photos.finding_fields import RULE

Record = dict[str, Any]
MISSED = "crack missed"


def reviewed(
    records: Sequence[Mapping[str, Any]], corrections: Sequence[Correction]
) -> list[Record]:
    """Return records with the corrections of their photos; see `corrected`.

    Args:
        records: the records of photos.
        corrections: corrections of any photos.

    Raises:
        InputError: the box of a correction lies outside its photo.
    """
    of_photo: dict[str, list[Correction]] = {}
    for one in corrections:
        of_photo.setdefault(one.photo, []).append(one)
    return [corrected(record, of_photo.get(record["photo"], [])) for record in records]


def findings_at(record: Mapping[str, Any], threshold: float) -> Record:
    """Return a record with the verdict and the regions that another threshold leaves.

    Regions were looked for at the inspection's own threshold, so a lower one adds none. A rule for
    photographs chooses the regions of a cracked photo by a threshold of its own, which stays. The
    number of cracked tiles is not known for another threshold, and becomes None.

    Args:
        record: the record of a photo; see `src.photos.records.write_record`.
        threshold: the probability from which photos count, 0 to 1. Without a rule, regions too.
    """
    cracked = record["probability"] >= threshold
    if record["judged_by"] == RULE:
        regions = record["regions"] if cracked else []
    else:
        regions = [one for one in record["regions"] if one["probability"] >= threshold]
    return {
        **record,
        "cracked": cracked,
        "regions": regions,
        "cracked_share": _share(regions),
        "cracked_tiles": None,
    }


def corrected(record: Mapping[str, Any], corrections: Sequence[Correction]) -> Record:
    """Return a record with the verdict and the regions that a person's corrections leave.

    Regions marked `no crack` are removed, and boxes marked `crack missed` become regions without a
    probability. A photo is cracked if it has a box that was missed, or a region that was kept. A
    photo whose whole area is marked `no crack` is not.

    Args:
        record: the record of a photo; see `src.photos.records.write_record`.
        corrections: the corrections of this photo. The last one about a box counts.

    Returns:
        The record. If there are corrections, `corrected_by` has the names of the persons.

    Raises:
        InputError: the box of a correction lies outside the photo.
    """
    if not corrections:
        return dict(record)
    for one in corrections:
        _refuse_outside(one, record["width"], record["height"])
    last = {one.box: one for one in corrections}
    everything = (0, 0, record["width"], record["height"])
    # A missed crack that a person has drawn around the whole photo is a box as any other.
    about_all = everything in last and last[everything].label != MISSED
    whole = last.pop(everything) if about_all else None
    kept = [
        region
        for region in record["regions"]
        if (said := last.get(tuple(region["box"]))) is None or said.cracked
    ]
    cracked = record["cracked"]
    if kept != record["regions"] and not kept:
        cracked = False
    if whole is not None:
        cracked = whole.cracked
        kept = kept if whole.cracked else []
    missed = [one for one in last.values() if one.label == MISSED]
    regions = kept + [_by_hand(one, record["width"] * record["height"]) for one in missed]
    people = sorted({one.by for one in corrections if one.by})
    return {
        **record,
        "cracked": bool(cracked or missed),
        "regions": regions,
        "cracked_share": _share(regions),
        "corrected_by": ", ".join(people) or "a person",
    }


def _refuse_outside(correction: Correction, width: int, height: int) -> None:
    _, _, right, bottom = correction.box
    if right > width or bottom > height:
        raise InputError(
            f"{CORRECTIONS}: the box {correction.box} lies outside the photo {correction.photo} of "
            f"{width} x {height} pixels; correct or remove its row"
        )


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
