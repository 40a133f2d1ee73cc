"""One HTML file that shows what was found on a folder of photos, to open anywhere or to print."""

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
    """Write report.html, with all its pictures inside, and return its path.

    Args:
        output: the folder it goes to.
        records: as `src.photos.records.write_record` returns them, in the order shown.
        unreadable: names and reasons.
        made_by: model and settings.
        places: by photo name, where the small photo and its heat lie.
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
    # As a stream: the pictures of a thousand photos are more than belongs in memory.
    write_bytes(output / REPORT, (part.encode() for part in stream))
    return output / REPORT


def percent(share: float) -> str:
    """A share of 1 as a person reads it; never 100 %, as a probability is none."""
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
