"""Records of the findings on photos, so that a second run inspects new photos only."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.data.files import write_bytes, write_text
from src.photos.names import photo_name
from src.photos.photo_search import OVERLAYS, PAGES, RECORDS
from src.photos.unreadable import Unreadable

# The most bytes of a file's name. File systems allow 255, and some are left for temporary names.
LONGEST = 240


@dataclass(frozen=True)
class Place:
    """The paths of a photo and its results.

    Attributes:
        path: path of the photo.
        name: name of the photo within the input folder; see `photo_name`.
        overlay: path of the marked photo, a JPEG.
        record: path of the record, a JSON file.
        preview: path of the small photo, a JPEG.
        heat: path of the picture of the heat, a PNG.
    """

    path: Path
    name: str
    overlay: Path
    record: Path
    preview: Path
    heat: Path


def place(path: Path, root: Path, output: Path) -> Place:
    """Choose the paths of a photo's results.

    Args:
        path: the photo, which is in `root`.
        root: the input folder.
        output: the output folder.
    """
    within = path.relative_to(root)
    identity = hashlib.sha256(os.fsencode(within)).hexdigest()[:16]
    name = photo_name(path, root)
    overlay = f"{name}.jpg"
    too_long = max(len(part.encode()) for part in overlay.split("/")) > LONGEST
    # A file and a folder cannot have the same name. The overlay of the photo `a.png` is the file
    # `a.png.jpg`. A photo in the folder `a.png.jpg` would need a folder of this name.
    if too_long or any(part.lower().endswith(".jpg") for part in overlay.split("/")[:-1]):
        overlay = f"{identity}.jpg"
    return place_named(path, name, identity, output, overlay)


def place_named(path: Path, name: str, identity: str, output: Path, overlay: str) -> Place:
    """Make the paths of a photo's results from an identity that no other photo has.

    Args:
        path: the photo.
        name: name of the photo, which does not become a path here.
        identity: what the names of the results begin with.
        output: the output folder.
        overlay: path of the marked photo within its folder.
    """
    return Place(
        path=path,
        name=name,
        overlay=output / OVERLAYS / overlay,
        record=output / RECORDS / f"{identity}.json",
        preview=output / PAGES / f"{identity}.jpg",
        heat=output / PAGES / f"{identity}.png",
    )


def photo_fingerprint(data: bytes, made_by: Mapping[str, Any]) -> str:
    """Compute the SHA-256 (hex) of a photo and of everything that its findings depend on.

    Args:
        data: the bytes of the photo's file.
        made_by: the code, the model and the settings.
    """
    settings = json.dumps(made_by, sort_keys=True).encode()
    return hashlib.sha256(hashlib.sha256(settings).digest() + data).hexdigest()


def found_before(at: Place, key: str) -> dict[str, Any] | None:
    """Read the record of an earlier run.

    Args:
        at: the places of the photo and its results.
        key: the photo's fingerprint, which the record must have.

    Returns:
        The record, or None if it or a picture is missing, damaged or of another fingerprint.
    """
    try:
        kept = json.loads(at.record.read_text(encoding="utf-8"))
        pictures = {path: path.read_bytes() for path in (at.overlay, at.preview, at.heat)}
        record = kept["record"]
        if kept == _vouched(record, pictures) and record["fingerprint"] == key:
            return dict(record) if record["photo"] == at.name else None
    # In a damaged file anything may be missing or of another type. The photo is inspected again.
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return None


def _vouched(record: Mapping[str, Any], pictures: Mapping[Path, bytes]) -> dict[str, Any]:
    """Return the content of a record's file: the record, and checksums of it and its pictures."""
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
    fields: Mapping[str, Any],
    pictures: Mapping[Path, bytes],
) -> dict[str, Any]:
    """Write the pictures of a photo, and then its record.

    Args:
        at: the places of the photo and its results.
        key: the photo's fingerprint.
        size: width and height of the photo in pixels.
        fields: the findings on the photo, and when and with what it was taken; see
            `finding_fields` and `taken`.
        pictures: the bytes of the overlay, the preview and the heat by path, in this order.

    Returns:
        The record, which can be written as JSON.

    Raises:
        Unreadable: a folder of the overlay is a link.
        InputError: a file cannot be written.
    """
    record = _as_record(at, key, size, fields)
    _refuse_links(at)
    # The old record is deleted first, so that it never belongs to pictures that are half replaced.
    at.record.unlink(missing_ok=True)
    for path, data in pictures.items():
        write_bytes(path, data)
    write_text(at.record, json.dumps(_vouched(record, pictures)) + "\n")
    return record


def _as_record(
    at: Place, key: str, size: tuple[int, int], fields: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "photo": at.name,
        "fingerprint": key,
        "width": size[0],
        "height": size[1],
        "overlay": at.overlay.relative_to(at.record.parent.parent).as_posix(),
        **fields,
    }


def _refuse_links(at: Place) -> None:
    """Refuse to write through a link in the folder of the overlays."""
    for folder in at.overlay.parents:
        if folder.name == OVERLAYS and folder.parent == at.record.parent.parent:
            return
        if folder.is_symlink():
            raise Unreadable(f"its overlay would be written through the link {folder}; remove it")
