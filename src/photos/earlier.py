"""Comparing an inspection with an earlier one of the same photos."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from src.data.remote import AnyPath
from src.errors import InputError
from src.photos.photo_tables import DETAILS

Record = Mapping[str, Any]


class _Region(BaseModel):
    length_px: float | None = None
    length_mm: float | None = None
    max_width_px: float | None = None
    max_width_mm: float | None = None


class _Photo(BaseModel):
    """What is compared of a photo."""

    photo: str
    cracked: bool
    cracked_share: float
    width: int | None = None
    height: int | None = None
    regions: list[_Region]


class _Inspection(BaseModel):
    photos: list[_Photo]


# The measures of which one is compared: the first that both records have.
LENGTHS, WIDTHS = ("length_mm", "length_px"), ("max_width_mm", "max_width_px")


@dataclass(frozen=True)
class Changes:
    """How photos have changed since an earlier inspection. Photos are compared by name.

    Attributes:
        new: names of photos that are cracked and were not.
        grown: names of photos that are cracked and were, and what has become larger.
        gone: names of photos that are not cracked and were.
        same: number of the other photos of both inspections.
        only_now: number of photos that the earlier inspection does not have.
        only_then: names of photos that only the earlier inspection has.
    """

    new: list[str]
    grown: list[tuple[str, str]]
    gone: list[str]
    same: int
    only_now: int
    only_then: list[str]


def read_inspection(folder: AnyPath) -> list[dict[str, Any]]:
    """Read what is compared of an inspection's photos.

    Args:
        folder: the output folder of the inspection.

    Returns:
        A record of each photo.

    Raises:
        InputError: the folder has no photos.json, or it is damaged.
    """
    try:
        content = json.loads((folder / DETAILS).read_text(encoding="utf-8"))
        return [photo.model_dump() for photo in _Inspection.model_validate(content).photos]
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (OSError, ValueError, RecursionError) as error:
        reason = str(error)
    raise InputError(f"report.previous: {folder} has no usable {DETAILS}: {reason}")


def changes_since(earlier: Sequence[Record], now: Sequence[Record], grown: float) -> Changes:
    """Compare two inspections photo by photo.

    Args:
        earlier: the records of the earlier inspection.
        now: the records of this inspection.
        grown: factor above which a measure of a photo counts as grown, 1 or more.
    """
    before = {record["photo"]: record for record in earlier}
    both = [(before[one["photo"]], one) for one in now if one["photo"] in before]
    larger = {
        new["photo"]: reason
        for old, new in both
        if old["cracked"] and new["cracked"] and (reason := _growth(old, new, grown))
    }
    new = [b["photo"] for a, b in both if b["cracked"] and not a["cracked"]]
    gone = [b["photo"] for a, b in both if a["cracked"] and not b["cracked"]]
    names = {record["photo"] for record in now}
    return Changes(
        new=new,
        grown=list(larger.items()),
        gone=gone,
        same=len(both) - len(new) - len(gone) - len(larger),
        only_now=len(now) - len(both),
        only_then=sorted(name for name in before if name not in names),
    )


def _growth(old: Record, new: Record, factor: float) -> str | None:
    """Return what has grown as text, or None if nothing has."""
    found = [_larger(old, new, LENGTHS, sum, factor), _larger(old, new, WIDTHS, max, factor)]
    known = [one for one in found if one is not None]
    if not known:
        known = [("share of the photo", "", old["cracked_share"], new["cracked_share"])]
    told = [f"{name} {a:.4g} to {b:.4g}{unit}" for name, unit, a, b in known if b > factor * a]
    return ", ".join(told) or None


def _larger(
    old: Record, new: Record, measures: Sequence[str], combine: Any, factor: float
) -> tuple[str, str, float, float] | None:
    """Return a measure's name, unit, and both values, or None if both records have none."""
    same_size = all(old.get(side) == new.get(side) for side in ("width", "height"))
    for measure in measures:
        # Pixels of photos of different sizes can't be compared.
        if measure.endswith("_px") and not same_size:
            continue
        values = [[region.get(measure) for region in record["regions"]] for record in (old, new)]
        if all(one and None not in one for one in values):
            name, unit = measure.rsplit("_", 1)
            a, b = (float(combine(one)) for one in values)
            return name.replace("max_width", "largest width"), f" {unit}", a, b
    return None
