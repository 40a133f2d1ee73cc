"""The findings as GeoJSON."""

import json

from src.photos.photo_map import geojson
from tests.photos.findings import record, region


def test_photos_with_a_position_are_points():
    placed = record(
        "a", region((0, 0, 9, 9), id=1, length_mm=12.5), latitude=52.5, longitude=-13.4, altitude=3
    )
    flat = record("b", latitude=0.0, longitude=0.0, altitude=None)
    read = json.loads(geojson([placed, flat, record("c", latitude=None), record("d")]))
    assert read["type"] == "FeatureCollection"
    assert read["without_position"] == ["c", "d"]
    first, second = read["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [-13.4, 52.5, 3]}
    assert first["properties"]["regions"] == [
        {"id": 1, "probability": 0.9, "length_mm": 12.5, "box": [0, 0, 9, 9]}
    ]
    assert second["geometry"]["coordinates"] == [0, 0]
    assert second["properties"]["findings"] == 0
