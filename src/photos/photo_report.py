"""The report: one HTML file that shows the findings on a folder of photos."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from src.data.files import write_bytes
from src.photos.records import Place

REPORT = "report.html"
TEMPLATES = Path(__file__).resolve().parent / "templates"


def write_report(
    output: Path,
    records: Sequence[Mapping[str, Any]],
    unreadable: Sequence[tuple[str, str]],
    made_by: Mapping[str, Any],
    places: Mapping[str, Place],
) -> Path:
    """Write report.html, which contains all its pictures.

    Args:
        output: the folder to write to.
        records: the records of the photos in the order to show them; see
            `src.photos.records.write_record`.
        unreadable: names of photos that could not be read, and the reasons.
        made_by: the model and the settings.
        places: the places of the photos' results, by the photos' names.

    Returns:
        The path of the report.

    Raises:
        InputError: the file cannot be written.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    cracked = sum(record["cracked"] for record in records)
    stream = environment.get_template("photos.html").stream(
        made_by=made_by,
        made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        cracked=cracked,
        whole=len(records) - cracked,
        unreadable=unreadable,
        photos=_shown(records, places),
    )
    # The report is written in parts, because the pictures of many photos do not fit into memory.
    write_bytes(output / REPORT, (part.encode() for part in stream))
    return output / REPORT


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


def _shown(
    records: Sequence[Mapping[str, Any]], places: Mapping[str, Place]
) -> Iterator[dict[str, Any]]:
    for record in records:
        at = places[record["photo"]]
        outlines = [
            " ".join(f"{x},{y}" for x, y in region["outline"]) for region in record["regions"]
        ]
        yield {
            **record,
            "preview": _inlined(at.preview, "image/jpeg"),
            "heat": _inlined(at.heat, "image/png"),
            "outlines": outlines,
            "link": quote(record["overlay"]),
        }


def _inlined(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
