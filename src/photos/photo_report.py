"""The report: HTML pages that show the findings on a folder of photos.

report.html has the overview and the worst photos. The other photos are on further pages in the
folder report/, where the pictures of all pages lie. So a page opens however many photos there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from src.data.remote import AnyPath, put_bytes
from src.errors import without_secrets
from src.photos.earlier import Changes
from src.photos.overview import by_severity, severity, widest
from src.photos.photo_search import PAGES
from src.photos.records import Place
from src.photos.report_text import (
    capture_text,
    measure_text,
    outline_points,
    page_file,
    percent,
    short_model,
    width_text,
)

if TYPE_CHECKING:
    from src.config.tool_schema import InspectionDetails, Report

REPORT = "report.html"
# What the pages show of a region that has no such field, as one that a person has drawn.
UNMEASURED = dict.fromkeys(("id", "severity", "direction_degrees"))
TEMPLATES = Path(__file__).resolve().parent / "templates"
FILTERS = {
    "capture": capture_text,
    "measure": measure_text,
    "page_file": lambda number: page_file(REPORT, number),
    "percent": percent,
    "points": outline_points,
    "severity": severity,
    "short": short_model,
    "widest": lambda record: width_text(widest(record)),
}


@dataclass(frozen=True)
class InspectionResults:
    """The results of an inspection, from which a report is made.

    Attributes:
        records: the records of the photos in the order to show them; see
            `src.photos.records.write_record`.
        unreadable: names of photos that could not be read, and the reasons.
        made_by: the model and the settings.
        places: the places of the photos' results, by the photos' names.
        changes: the changes since the inspection `settings.previous`, if there is one.
    """

    records: Sequence[Mapping[str, Any]]
    unreadable: Sequence[tuple[str, str]]
    made_by: Mapping[str, Any]
    places: Mapping[str, Place]
    changes: Changes | None = None


def write_report(
    output: AnyPath,
    found: InspectionResults,
    inspection: "InspectionDetails",
    settings: "Report",
    name: str = REPORT,
    most: int | None = None,
) -> AnyPath:
    """Write the report's pages. Their pictures are those that the inspection has written.

    Args:
        output: the folder of the results.
        found: the results to show.
        inspection: what the report says about the inspection.
        settings: the number of photos on a page, and in the overview.
        name: name of the first page.
        most: the most photos to show, all on one page; None shows all on several pages.

    Returns:
        The path of the first page.

    Raises:
        InputError: a file cannot be written.
    """
    template = _environment().get_template("report.html")
    size = most or settings.page
    shown = found.records[:most]
    pages = max(1, -(-len(shown) // size))
    common = _common(found, inspection, settings, size) | {"pages": pages}
    common["left_out"] = len(found.records) - len(shown)
    # A printer does not wait for pictures that are loaded when they come into sight.
    common["loading"] = "lazy" if most is None else "eager"
    for number in range(1, pages + 1):
        rows = range((number - 1) * size, min(number * size, len(shown)))
        stream = template.stream(
            **common,
            number=number,
            base="" if number == 1 else "../",
            photos=(_shown(found, row, size) for row in rows),
        )
        file = output / (name if number == 1 else page_file(REPORT, number))
        put_bytes(file, (part.encode() for part in stream))
    for old in _further_pages(output, pages + 1) if most is None else ():
        old.unlink()
    return output / name


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    return environment


def _common(
    found: InspectionResults, inspection: "InspectionDetails", settings: "Report", size: int
) -> dict[str, Any]:
    """Return what all pages of a report have in common."""
    cracked = sum(record["cracked"] for record in found.records)
    return {
        "made_by": found.made_by,
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "inspection": inspection.model_dump(),
        "total": len(found.records),
        "cracked": cracked,
        "corrected": sum("corrected_by" in record for record in found.records),
        "severities": by_severity(found.records),
        "worst": [_shown(found, row, size) for row in range(min(settings.worst, cracked))],
        "unreadable": found.unreadable,
        "changes": found.changes,
        "grown": settings.grown,
        "previous": settings.previous and without_secrets(settings.previous),
    }


def _shown(found: InspectionResults, row: int, size: int) -> dict[str, Any]:
    """Return what a page shows of the photo in a row of the records."""
    record = found.records[row]
    at = found.places[record["photo"]]
    return {
        "corrected_by": None,
        **record,
        "as_marked": "corrected_by" not in record and "marked_at" not in found.made_by,
        "regions": [UNMEASURED | region for region in record["regions"]],
        "number": row + 1,
        "page": row // size + 1,
        "measured": any("length_px" in region for region in record["regions"]),
        "preview": f"{PAGES}/{at.preview.name}",
        "heat": f"{PAGES}/{at.heat.name}",
        "link": quote(record["overlay"]),
    }


def _further_pages(output: AnyPath, first: int) -> Iterator[AnyPath]:
    """Yield the pages from number `first` on that an earlier run has left."""
    number = first
    while (page := output / page_file(REPORT, number)).is_file():
        yield page
        number += 1
