"""The findings on photos as CSV, as JSON and as a table for the terminal."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from src.data.remote import AnyPath, put_text
from src.photos.names import guarded, printable
from src.photos.report_text import significant

TABLE, DETAILS = "photos.csv", "photos.json"
COLUMNS = (
    "photo",
    "verdict",
    "probability",
    "cracked_share",
    "regions",
    "length_px",
    "max_width_px",
    "length_mm",
    "max_width_mm",
    "severity",
    "mm_per_pixel",
    "mm_per_pixel_from",
    "tiles",
    "cracked_tiles",
    "width",
    "height",
    "taken_at",
    "camera",
    "latitude",
    "longitude",
    "corrected_by",
    "overlay",
    "reason",
)


def write_tables(
    output: AnyPath,
    records: Sequence[Mapping[str, Any]],
    unreadable: Sequence[tuple[str, str]],
    made_by: Mapping[str, Any],
    inspection: Mapping[str, str | None],
) -> None:
    """Write photos.csv, with a row for each photo, and photos.json, with all details.

    In photos.csv, text that a spreadsheet would run as a formula begins with an apostrophe.

    Args:
        output: the folder to write to.
        records: the records of the photos; see `src.photos.records.write_record`.
        unreadable: names of photos that could not be read, and the reasons.
        made_by: the model and the settings.
        inspection: what is said about the inspection, such as its place.

    Raises:
        InputError: a file cannot be written.
    """
    everything = {
        "inspection": json.dumps(inspection),
        "made_by": json.dumps(made_by),
        "photos": json_lines(records),
        "unreadable": json_lines([{"photo": name, "reason": why} for name, why in unreadable]),
    }
    members = ",\n".join(f'"{key}": {value}' for key, value in everything.items())
    put_text(output / DETAILS, f"{{\n{members}\n}}\n")
    rows = [
        {
            **record,
            **photo_measures(record),
            "verdict": verdict(record),
            "regions": len(record["regions"]),
        }
        for record in records
    ]
    rows += [
        {"photo": name, "verdict": "unreadable", "reason": reason} for name, reason in unreadable
    ]
    counts = dict.fromkeys(("regions", "tiles", "cracked_tiles", "width", "height"), "Int64")
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(counts)
    for column in ("photo", "camera", "corrected_by", "overlay", "reason"):
        table[column] = table[column].map(guarded, na_action="ignore")
    put_text(output / TABLE, table.to_csv(index=False))


def json_lines(items: Sequence[Mapping[str, Any]]) -> str:
    """Return a JSON array with an item on each line.

    With indents, the centre lines of many photos would take a line for each number.
    """
    return "[\n" + ",\n".join(json.dumps(item, allow_nan=False) for item in items) + "\n]"


def photo_measures(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the total length of a photo's cracks, their largest width and its class of severity.

    A measure that no region has is left out.
    """
    found: dict[str, Any] = {}
    for unit in ("px", "mm"):
        measured = [r for r in record["regions"] if r.get(f"length_{unit}") is not None]
        if not measured:
            continue
        widest = max(measured, key=lambda region: region[f"max_width_{unit}"])
        found[f"length_{unit}"] = round(sum(r[f"length_{unit}"] for r in measured), 2)
        found |= {key: widest[key] for key in (f"max_width_{unit}", "severity") if key in widest}
    return found


def verdict(record: Mapping[str, Any]) -> str:
    """Return the verdict of a record as text: cracked or no crack."""
    return "cracked" if record["cracked"] else "no crack"


def photo_table(
    records: Sequence[Mapping[str, Any]],
    unreadable: Sequence[tuple[str, str]],
    shown: int,
) -> str:
    """Format the findings as text, with a line for each photo.

    Args:
        records: the records of the photos; see `src.photos.records.write_record`.
        unreadable: names of photos that could not be read, and the reasons.
        shown: the most records that get a line.
    """
    lines = [
        f"{'probability':>11}{'of area':>10}{'regions':>9}{'length':>12}{'widest':>12}  photo",
    ]
    for record in records[:shown]:
        sizes = photo_measures(record)
        unit = "mm" if "length_mm" in sizes else "px"
        length, widest = (
            f"{significant(sizes[key], 4)} {unit}" if key in sizes else ""
            for key in (f"length_{unit}", f"max_width_{unit}")
        )
        lines.append(
            f"{record['probability']:>11.3f}{record['cracked_share']:>10.2%}"
            f"{len(record['regions']):>9}{length:>12}{widest:>12}  {printable(record['photo'])}"
        )
    if len(records) > shown:
        lines.append(f"and {len(records) - shown} more")
    lines += [printable(f"can't be read: {name}: {reason}") for name, reason in unreadable]
    return "\n".join(lines)
