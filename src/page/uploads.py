"""A photo that a visitor has brought, and its files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.data.remote import as_local
from src.photos.records import Place

PHOTOS = "photos"  # the folder of a visit's photos, beside its results


@dataclass
class Upload:
    """A photo that a visitor has brought.

    Attributes:
        number: its number within the visit, from 1. All its files are named by it.
        name: the name that the visitor's machine gives it. It never becomes a path.
        place: the paths of the photo and its results.
        size: bytes of the photo's file.
        state: waiting, working, done, failed or removed.
        record: the findings, when it is done.
        reason: why it has failed.
        changed: the visit's version at the last change.
    """

    number: int
    name: str
    place: Place
    size: int
    state: str = "waiting"
    record: dict[str, Any] | None = None
    reason: str | None = None
    changed: int = 0

    @property
    def file(self) -> str:
        """Path of the photo within the visit's folder."""
        return f"{PHOTOS}/{self.place.path.name}"


def delete_files(upload: Upload) -> None:
    """Delete a photo and its results."""
    at = upload.place
    for path in (at.path, at.overlay, at.record, at.preview, at.heat, full_size(upload)):
        path.unlink(missing_ok=True)


def full_size(upload: Upload) -> Path:
    """Return the path of the upright photo in full size, as a JPEG that every browser shows."""
    return as_local(upload.place.record).with_suffix(".full.jpg")
