"""Writing the results of an inspection: the report, the tables and the map."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from src.data.remote import AnyPath, put_text
from src.photos.earlier import EarlierInspection, changes_since
from src.photos.overview import worst_first
from src.photos.photo_map import MAP, geojson
from src.photos.photo_report import InspectionResults, write_report
from src.photos.photo_tables import write_tables
from src.photos.records import Place

if TYPE_CHECKING:
    from src.config.tool_schema import Inspecting


def write_results(
    output: AnyPath,
    records: Sequence[Mapping[str, Any]],
    unreadable: Sequence[tuple[str, str]],
    made_by: Mapping[str, Any],
    places: Mapping[str, Place],
    *,
    config: "Inspecting",
    earlier: EarlierInspection | None,
) -> InspectionResults:
    """Write the report, photos.csv, photos.json and photos.geojson, and sort the photos.

    Args:
        output: the folder of the results.
        records: the records of the photos; see `src.photos.records.write_record`.
        unreadable: names of photos that could not be read, and the reasons.
        made_by: the model and the settings.
        places: the places of the photos' results, by the photos' names.
        config: the settings of the report, and what it says about the inspection.
        earlier: an earlier inspection to compare with, or None.

    Returns:
        The results in the order of the report, the worst photos first.

    Raises:
        InputError: a file cannot be written.
    """
    grown = config.report.grown
    broken = [name for name, _ in unreadable]
    changes = None
    if earlier is not None:
        changes = changes_since(earlier, records, made_by, grown, broken)
    results = InspectionResults(
        sorted(records, key=worst_first), sorted(unreadable), made_by, places, changes
    )
    about = config.inspection.model_dump()
    write_tables(output, results.records, results.unreadable, made_by, about)
    put_text(output / MAP, geojson(results.records))
    write_report(output, results, config.inspection, config.report)
    return results
