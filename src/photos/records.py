"""What was found on each photo, kept so that a second run does only what is new."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.data.files import write_bytes, write_text
from src.photos.names import photo_name
from src.photos.photo_search import OVERLAYS, RECORDS
from src.photos.regions import Findings
from src.photos.unreadable import Unreadable

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
    name = photo_name(path, root)
    overlay = f"{name}.jpg"
    too_long = max(len(part.encode()) for part in overlay.split("/")) > LONGEST
    # In a folder `a.png.jpg` it would need a folder where the overlay of `a.png` may lie.
    if too_long or any(part.lower().endswith(".jpg") for part in overlay.split("/")[:-1]):
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
    """The record at `at`, if it and the pictures are just as `write_record` has written them.

    Args:
        at: where the record lies.
        key: the photo's fingerprint, which it must have.
    """
    try:
        kept = json.loads(at.record.read_text(encoding="utf-8"))
        pictures = {path: path.read_bytes() for path in (at.overlay, at.preview, at.heat)}
        record = kept["record"]
        if kept == _vouched(record, pictures) and record["fingerprint"] == key:
            return dict(record) if record["photo"] == at.name else None
    # Of a damaged file anything may be missing or of another type; it is made again.
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return None


def _vouched(record: Mapping[str, Any], pictures: Mapping[Path, bytes]) -> dict[str, Any]:
    """What is kept of a record: itself, and checksums of it and of the pictures beside it."""
    content = json.dumps(record, sort_keys=True).encode()
    return {
        "record": dict(record),
        "sha256": hashlib.sha256(content).hexdigest(),
        "pictures": [hashlib.sha256(picture).hexdigest() for picture in pictures.values()],
    }


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
        pictures: bytes by path: overlay, preview and heat, in this order.

    Raises:
        Unreadable: a link lies where the pictures go.
        InputError: they can't be written.
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
    _refuse_links(at)
    # So that no record vouches for pictures that are half replaced.
    at.record.unlink(missing_ok=True)
    for path, data in pictures.items():
        write_bytes(path, data)
    write_text(at.record, json.dumps(_vouched(record, pictures)) + "\n")
    return record


def _refuse_links(at: Place) -> None:
    """Nothing is written through a link that lies in the folder of the overlays."""
    for folder in at.overlay.parents:
        if folder.name == OVERLAYS and folder.parent == at.record.parent.parent:
            return
        if folder.is_symlink():
            raise Unreadable(f"its overlay would be written through the link {folder}; remove it")
