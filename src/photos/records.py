"""Records of the findings on photos, so that a second run inspects new photos only."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.data.decoding.unreadable import Unreadable
from src.data.remote import AnyPath, RemotePath, path_within, put_bytes, put_text
from src.photos.names import photo_name
from src.photos.photo_search import OVERLAYS, PAGES, RECORDS

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

    path: AnyPath
    name: str
    overlay: AnyPath
    record: AnyPath
    preview: AnyPath
    heat: AnyPath


def place(path: AnyPath, root: AnyPath, output: AnyPath) -> Place:
    """Choose the paths of a photo's results.

    Args:
        path: the photo, which is in `root`.
        root: the input folder.
        output: the output folder.
    """
    within = path_within(path, root)
    identity = hashlib.sha256(os.fsencode(within)).hexdigest()[:16]
    name = photo_name(path, root)
    overlay = f"{name}.jpg"
    too_long = max(len(part.encode()) for part in overlay.split("/")) > LONGEST
    # A file and a folder cannot have the same name. The overlay of the photo `a.png` is the file
    # `a.png.jpg`. A photo in the folder `a.png.jpg` would need a folder of this name.
    if too_long or any(part.lower().endswith(".jpg") for part in overlay.split("/")[:-1]):
        overlay = f"{identity}.jpg"
    return place_named(path, name, identity, output, overlay)


def place_named(path: AnyPath, name: str, identity: str, output: AnyPath, overlay: str) -> Place:
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


def share_of(at: Place, shares: int) -> int:
    """Return the number of the share, from 0, that a photo belongs to.

    Its name decides, so it stays the same when other photos come or go.
    """
    return int(hashlib.sha256(os.fsencode(at.name)).hexdigest(), 16) % shares


def photo_version(path: AnyPath) -> bytes | None:
    """Return what tells versions of a remote photo apart before it is fetched.

    It has the photo's address, its size, and the store's tag or time of its content.

    Returns:
        The bytes for `photo_fingerprint`, or None if only the content itself tells versions apart.

    Raises:
        OSError: the photo is not there any more, or the store does not answer.
    """
    if not isinstance(path, RemotePath) or (version := path.facts().version) is None:
        return None
    return f"{path} {version}".encode(errors="surrogateescape")


def photo_fingerprint(data: bytes, made_by: Mapping[str, Any]) -> str:
    """Compute the SHA-256 (hex) of a photo and of everything that its findings depend on.

    Args:
        data: the bytes of the photo's file, or its version; see `photo_version`.
        made_by: the code, the model and the settings.
    """
    settings = json.dumps(made_by, sort_keys=True).encode()
    return hashlib.sha256(hashlib.sha256(settings).digest() + data).hexdigest()


def found_before(at: Place, key: str) -> dict[str, Any] | None:
    """Read the record of an earlier run.

    Local pictures are compared with their checksums. Of remote ones only the sizes are compared,
    because a store shows whole files only, and reading them would take long.

    Args:
        at: the places of the photo and its results.
        key: the photo's fingerprint, which the record must have.

    Returns:
        The record, or None if it or a picture is missing, damaged or of another fingerprint.
    """
    try:
        kept = json.loads(at.record.read_text(encoding="utf-8"))
        record, seals = kept["record"], kept["pictures"]
        expected = key, at.name
        if kept != _vouched(record, seals) or (record["fingerprint"], record["photo"]) != expected:
            return None
        pictures = zip((at.overlay, at.preview, at.heat), seals, strict=True)
        if all(_is_as_sealed(path, seal) for path, seal in pictures):
            return dict(record)
    # In a damaged file anything may be missing or of another type. The photo is inspected again.
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return None


def _vouched(record: Mapping[str, Any], seals: Sequence[str]) -> dict[str, Any]:
    """Return the content of a record's file: the record, its checksum and its pictures' seals."""
    content = json.dumps(record, sort_keys=True).encode()
    checksum = hashlib.sha256(content).hexdigest()
    return {"record": dict(record), "sha256": checksum, "pictures": seals}


def _seal(picture: bytes) -> str:
    """Return a picture's number of bytes and SHA-256 (hex)."""
    return f"{len(picture)} {hashlib.sha256(picture).hexdigest()}"


def _is_as_sealed(path: AnyPath, seal: str) -> bool:
    if isinstance(path, RemotePath):
        return path.facts().size == int(str(seal).split()[0])
    return _seal(path.read_bytes()) == seal


def write_record(
    at: Place,
    key: str,
    size: tuple[int, int],
    fields: Mapping[str, Any],
    pictures: Mapping[AnyPath, bytes],
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
        put_bytes(path, data)
    seals = [_seal(picture) for picture in pictures.values()]
    put_text(at.record, json.dumps(_vouched(record, seals)) + "\n")
    return record


def _as_record(
    at: Place, key: str, size: tuple[int, int], fields: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "photo": at.name,
        "fingerprint": key,
        "width": size[0],
        "height": size[1],
        "overlay": path_within(at.overlay, at.record.parent.parent).as_posix(),
        **fields,
    }


def _refuse_links(at: Place) -> None:
    """Refuse to write through a link in the folder of the overlays. A store has no links."""
    if isinstance(at.overlay, RemotePath):
        return
    for folder in at.overlay.parents:
        if folder.name == OVERLAYS and folder.parent == at.record.parent.parent:
            return
        if folder.is_symlink():
            raise Unreadable(f"its overlay would be written through the link {folder}; remove it")
