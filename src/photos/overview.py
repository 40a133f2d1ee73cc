"""What the report begins with: the order of the photos, and counts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
    return max(_known(region.get("max_width_mm") for region in record["regions"]), default=None)


def severity(record: Record) -> str | None:
    """Return the severity of a photo's widest region, or None if no region has one."""
    rated = [one for one in record["regions"] if one.get("severity")]
    rated.sort(key=lambda region: region.get("max_width_mm") or 0)
    return str(rated[-1]["severity"]) if rated else None


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


def _known(values: Iterable[Any]) -> list[float]:
    return [float(value) for value in values if value is not None]
