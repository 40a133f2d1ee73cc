"""Comparing an inspection with an earlier one of the same photos."""

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from src.data.remote import AnyPath
from src.errors import InputError
from src.photos.names import printable
from src.photos.photo_tables import DETAILS
from src.photos.report_text import significant

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


class _Unreadable(BaseModel):
    photo: str


class EarlierInspection(BaseModel):
    """What is compared of an inspection: its photos, and with which settings they were judged."""

    photos: list[_Photo]
    unreadable: list[_Unreadable] = []
    made_by: dict[str, Any] = {}


# The settings that make photos look changed, and what the report calls them.
SETTINGS = {
    "model": "model",
    "scales": "scales",
    "flips": "averaging over mirror images",
    "threshold": "threshold",
    "temperature": "temperature",
    "mm_per_pixel": "millimetres per pixel",
    "distance_m": "distance",
}
# Those that change millimetres without a change of the photo.
OF_MILLIMETRES = ("mm_per_pixel", "distance_m")
# The measures that are compared, and how those of several regions are combined. Of each measure,
# the first unit counts that both records have.
MEASURES: dict[str, Callable[..., float]] = {"length": sum, "max_width": max}


@dataclass(frozen=True)
class Changes:
    """How photos have changed since an earlier inspection.

    Photos are compared by name. The names of one inspection may all begin with a folder, as those
    of a folder that was added to the page do. Then they are compared without this folder. The page
    writes some letters of a name in another way, which does not make it another name.

    Attributes:
        new: names of photos that are cracked and were not.
        grown: names of photos that are cracked and were, and what has become larger.
        gone: names of photos that are not cracked and were.
        same: number of the other photos of both inspections.
        unread: names of photos of both inspections that at least one of them could not read.
        only_now: number of photos that the earlier inspection does not have.
        only_then: names of photos that only the earlier inspection has.
        other_settings: what the report calls the settings that differ.
    """

    new: list[str]
    grown: list[tuple[str, str]]
    gone: list[str]
    same: int
    unread: list[str]
    only_now: int
    only_then: list[str]
    other_settings: list[str]


def read_inspection(folder: AnyPath) -> EarlierInspection:
    """Read what is compared of an inspection.

    Args:
        folder: the output folder of the inspection.

    Raises:
        InputError: the folder has no photos.json, or it is damaged.
    """
    try:
        content = json.loads((folder / DETAILS).read_text(encoding="utf-8"))
        return EarlierInspection.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (OSError, ValueError, RecursionError) as error:
        reason = str(error)
    raise InputError(f"report.previous: {folder} has no usable {DETAILS}: {reason}")


def changes_since(
    earlier: EarlierInspection,
    now: Sequence[Record],
    made_by: Record,
    grown: float,
    unreadable: Sequence[str] = (),
) -> Changes:
    """Compare two inspections photo by photo.

    Millimetres are not compared if the user has given another scale or distance.

    Args:
        earlier: the earlier inspection.
        now: the records of this inspection.
        made_by: the model and the settings of this inspection.
        grown: factor above which a measure of a photo counts as grown, 1 or more.
        unreadable: names of photos that this inspection could not read.
    """
    before = {photo.photo: photo.model_dump() for photo in earlier.photos}
    then = [*before, *(one.photo for one in earlier.unreadable)]
    names = _earlier_names([*(record["photo"] for record in now), *unreadable], then)
    known = [key for key in SETTINGS if key in earlier.made_by and key in made_by]
    others = [key for key in known if _setting(earlier.made_by, key) != _setting(made_by, key)]
    units = ("px",) if {*others} & {*OF_MILLIMETRES} else ("mm", "px")
    both = [(before[name], one) for one in now if (name := names.get(one["photo"], "")) in before]
    compared = {one["photo"] for _, one in both}
    larger = {
        new["photo"]: reason
        for old, new in both
        if old["cracked"] and new["cracked"] and (reason := _growth(old, new, grown, units))
    }
    new = [b["photo"] for a, b in both if b["cracked"] and not a["cracked"]]
    gone = [b["photo"] for a, b in both if a["cracked"] and not b["cracked"]]
    return Changes(
        new=new,
        grown=list(larger.items()),
        gone=gone,
        same=len(both) - len(new) - len(gone) - len(larger),
        unread=sorted(names.keys() - compared),
        only_now=sum(one["photo"] not in names for one in now),
        only_then=sorted(before.keys() - names.values()),
        other_settings=[SETTINGS[key] for key in others],
    )


def _earlier_names(now: Sequence[str], then: Sequence[str]) -> dict[str, str]:
    """Return the earlier name of each photo that both inspections have."""
    same = _pairs({name: name for name in now}, {name: name for name in then})
    folders = [_common_folder(names) for names in (now, then)]
    if same or all(folders):
        return same
    inside = {name.removeprefix(folders[1]): name for name in then}
    below = {name.removeprefix(folders[0]): name for name in now}
    return _pairs(below, inside)


def _pairs(now: Mapping[str, str], then: Mapping[str, str]) -> dict[str, str]:
    """Return the earlier value of each present one, where their keys are the same or look alike."""
    known = {_as_shown(key): name for key, name in then.items()} | dict(then)
    keys = [(key if key in known else _as_shown(key), name) for key, name in now.items()]
    return {name: known[key] for key, name in keys if key in known}


def _as_shown(name: str) -> str:
    """Return a photo's name as the page shows it."""
    return printable(unicodedata.normalize("NFC", name))


def _common_folder(names: Sequence[str]) -> str:
    """Return the first folder of all names with its slash, or "" if they do not share one."""
    folders = {name.partition("/")[0] if "/" in name else "" for name in names}
    return f"{folder}/" if len(folders) == 1 and (folder := folders.pop()) else ""


def _setting(made_by: Record, key: str) -> Any:
    model = made_by.get("model")
    # The same model may lie in another folder.
    return model.get("weights") if key == "model" and isinstance(model, dict) else made_by.get(key)


def _growth(old: Record, new: Record, factor: float, units: Sequence[str]) -> str | None:
    """Return what has grown as text, or None if nothing has."""
    found = [
        _larger(old, new, [f"{name}_{unit}" for unit in units], combine)
        for name, combine in MEASURES.items()
    ]
    known = [one for one in found if one is not None]
    # What could not be measured may have grown as well, and its area tells.
    if not known or any(region.get("length_px") is None for region in new["regions"]):
        known.append(("share of the photo", "", old["cracked_share"], new["cracked_share"]))
    told = [
        f"{name} {significant(a, 4)} to {significant(b, 4)}{unit}"
        for name, unit, a, b in known
        if b > factor * a
    ]
    return ", ".join(told) or None


def _larger(
    old: Record, new: Record, measures: Sequence[str], combine: Any
) -> tuple[str, str, float, float] | None:
    """Return a measure's name, unit, and both values, or None if they cannot be compared.

    The later value is at least that of the regions that could be measured.
    """
    same_size = all(old.get(side) == new.get(side) for side in ("width", "height"))
    for measure in measures:
        # Pixels of photos of different sizes can't be compared.
        if measure.endswith("_px") and not same_size:
            continue
        before, after = ([r.get(measure) for r in record["regions"]] for record in (old, new))
        measured = [one for one in after if one is not None]
        if before and None not in before and measured:
            name, unit = measure.rsplit("_", 1)
            a, b = (float(combine(one)) for one in (before, measured))
            return name.replace("max_width", "largest width"), f" {unit}", a, b
    return None
