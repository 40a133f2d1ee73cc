"""What the report begins with: the order of the photos, and counts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from src.photos.photo_tables import photo_measures

Record = Mapping[str, Any]


def worst_first(record: Record) -> tuple[Any, ...]:
    """Return the key that sorts records: cracked ones first, then the widest, the most likely.

    Widths count where they are known in millimetres. Without them the probability decides.
    """
    return (
        not record["cracked"],
        -(widest(record) or 0),
        -round(record["probability"], 2),
        -record["cracked_share"],
        record["photo"],
    )


def widest(record: Record) -> float | None:
    """Return the largest width of a crack on a photo in millimetres, or None if none is known."""
    return photo_measures(record).get("max_width_mm")


def severity(record: Record) -> str | None:
    """Return the severity of a photo's widest region, or None if no region has one."""
    return photo_measures(record).get("severity")


def by_severity(records: Sequence[Record]) -> list[tuple[str, int]]:
    """Count the cracked photos by the severity of their widest region, the worst first.

    Photos without a severity are not counted.
    """
    counts: Counter[str] = Counter()
    width: dict[str, float] = {}
    for record in records:
        if record["cracked"] and (name := severity(record)):
            counts[name] += 1
            width[name] = max(width.get(name, 0), widest(record) or 0)
    return sorted(counts.items(), key=lambda item: -width[item[0]])
