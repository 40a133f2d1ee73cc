"""The findings as GeoJSON (RFC 7946), for maps and geographic information systems."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

MAP = "photos.geojson"
# What a feature says about its photo, where the record has it.
PROPERTIES = (
    "photo",
    "cracked",
    "probability",
    "corrected_by",
    "taken_at",
    "camera",
    "mm_per_pixel",
    "mm_per_pixel_from",
)
# What a feature says about each region. The outline is in pixels, so it stays in photos.json.
OF_REGIONS = (
    *("id", "probability", "severity", "direction_degrees"),
    *("length_mm", "mean_width_mm", "max_width_mm", "length_px", "mean_width_px", "max_width_px"),
    "box",
)


def geojson(records: Sequence[Mapping[str, Any]]) -> str:
    """Return a FeatureCollection with a point for each photo whose position is known.

    Args:
        records: the records of the photos; see `src.photos.records.write_record`.

    Returns:
        The text of a GeoJSON file. The points are [longitude, latitude] in degrees, with the
        altitude in metres where it is known. `without_position` has the names of the others.
    """
    placed = [record for record in records if record.get("latitude") is not None]
    collection = {
        "type": "FeatureCollection",
        "features": [_feature(record) for record in placed],
        "without_position": [r["photo"] for r in records if r.get("latitude") is None],
    }
    return json.dumps(collection, indent=1) + "\n"


def _feature(record: Mapping[str, Any]) -> dict[str, Any]:
    place = [record["longitude"], record["latitude"]]
    if record.get("altitude") is not None:
        place.append(record["altitude"])
    regions = [{key: r[key] for key in OF_REGIONS if key in r} for r in record["regions"]]
    known = {key: record[key] for key in PROPERTIES if key in record}
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": place},
        "properties": {**known, "findings": len(regions), "regions": regions},
    }
