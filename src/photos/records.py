"""What was found on each photo, kept so that a second run does only what is new."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.data.files import write_bytes, write_text
from src.photos.reading import OVERLAYS, RECORDS
from src.photos.regions import Findings

LONGEST = 240  # bytes of a file's name; file systems allow 255, some of which temporary names need


@dataclass(frozen=True)
class Place:
    """Where one photo and what is made of it lie.

    Attributes:
        path: of the photo.
        name: of the photo within the input, as people and tables read it.
        overlay: of the marked photo.
        record: of what was found, as JSON.
        preview: of the small photo, a JPEG.
        heat: of its heat, a PNG.
    """

    path: Path
    name: str
    overlay: Path
    record: Path
    preview: Path
    heat: Path


def place(path: Path, root: Path, output: Path) -> Place:
    """Where the results of the photo at `path` in the folder `root` go."""
    within = path.relative_to(root)
    identity = hashlib.sha256(os.fsencode(within)).hexdigest()[:16]
    kept = output / RECORDS / identity
    # Bytes of a name that are no UTF-8 can't be written into a table; escaped, as \xdf, they still
    # tell one photo from another.
    name = os.fsencode(within.as_posix()).decode("utf-8", "backslashreplace")
    overlay = f"{name}.jpg"
    if max(len(part.encode()) for part in overlay.split("/")) > LONGEST:
        overlay = f"{identity}.jpg"
    return Place(
        path=path,
        name=name,
        overlay=output / OVERLAYS / overlay,
        record=kept.with_suffix(".json"),
        preview=kept.with_suffix(".jpg"),
        heat=kept.with_suffix(".png"),
    )


def photo_fingerprint(data: bytes, made_by: Mapping[str, Any]) -> str:
    """sha256 over a photo's bytes and what its findings depend on."""
    settings = json.dumps(made_by, sort_keys=True).encode()
    return hashlib.sha256(hashlib.sha256(settings).digest() + data).hexdigest()


def found_before(at: Place, key: str) -> dict[str, Any] | None:
    """The record at `at`, if it was made from the same photo in the same way and is whole."""
    try:
        record = json.loads(at.record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = all(path.is_file() for path in (at.overlay, at.preview, at.heat))
    return record if whole and record.get("fingerprint") == key else None


def write_record(
    at: Place,
    key: str,
    size: tuple[int, int],
    findings: Findings,
    pictures: Mapping[Path, bytes],
) -> dict[str, Any]:
    """Write the pictures, then the record that vouches for them, and return it.

    Args:
        at: where the record goes.
        key: the photo's fingerprint.
        size: its width and height.
        findings: on it.
        pictures: bytes by path: overlay, preview and heat.
    """
    record = {
        "photo": at.name,
        "fingerprint": key,
        "width": size[0],
        "height": size[1],
        "cracked": findings.cracked,
        "probability": round(findings.probability, 6),
        "cracked_share": round(findings.share, 6),
        "tiles": findings.tiles,
        "cracked_tiles": findings.cracked_tiles,
        "overlay": at.overlay.relative_to(at.record.parent.parent).as_posix(),
        "regions": [
            {
                "box": list(region.box),
                "probability": round(region.probability, 6),
                "share": round(region.share, 6),
                "outline": region.outline.tolist(),
            }
            for region in findings.regions
        ],
    }
    at.record.unlink(missing_ok=True)
    for path, data in pictures.items():
        write_bytes(path, data)
    write_text(at.record, json.dumps(record) + "\n")
    return record
