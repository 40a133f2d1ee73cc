"""The findings on photos as CSV, as JSON and as a table for the terminal."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from src.data.files import write_text
from src.photos.names import guarded, printable
from src.photos.overview import severity, widest

TABLE, DETAILS = "photos.csv", "photos.json"
COLUMNS = (
    "photo",
    "verdict",
    "probability",
    "cracked_share",
    "regions",
    "tiles",
    "cracked_tiles",
    "width",
    "height",
    "severity",
    "max_width_mm",
    "taken_at",
    "camera",
    "latitude",
    "longitude",
    "corrected_by",
    "overlay",
    "reason",
)


def write_tables(
    output: Path,
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
        "inspection": dict(inspection),
        "made_by": dict(made_by),
        "photos": list(records),
        "unreadable": [{"photo": name, "reason": reason} for name, reason in unreadable],
    }
    write_text(output / DETAILS, json.dumps(everything, indent=1) + "\n")
    rows = [
        {
            **record,
            "verdict": verdict(record),
            "regions": len(record["regions"]),
            "severity": severity(record),
            "max_width_mm": widest(record),
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
    write_text(output / TABLE, table.to_csv(index=False))


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
    lines = [f"{'probability':>11}{'of area':>10}{'regions':>9}  photo"]
    for record in records[:shown]:
        lines.append(
            f"{record['probability']:>11.3f}{record['cracked_share']:>10.2%}"
            f"{len(record['regions']):>9}  {printable(record['photo'])}"
        )
    if len(records) > shown:
        lines.append(f"and {len(records) - shown} more")
    lines += [printable(f"can't be read: {name}: {reason}") for name, reason in unreadable]
    return "\n".join(lines)
