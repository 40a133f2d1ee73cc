"""Receiving photos from the browser, and sending them back to be looked at."""

import asyncio
import unicodedata
from pathlib import Path, PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from src.data.remote import as_local
from src.page.guards import Guest
from src.page.uploads import Upload
from src.page.visits import Refused, Visit
from src.photos.names import printable

LONGEST_NAME = 200
receiving = APIRouter()


@receiving.post("/api/photos")
async def receive(
    request: Request, visit: Guest, name: Annotated[str, Query(min_length=1, max_length=4000)]
) -> dict[str, int]:
    """Take a photo, whose bytes are the request's body, and add it to those to inspect.

    Args:
        request: the request.
        visit: the visit.
        name: the photo's name on the visitor's machine, perhaps with folders.
    """
    bench = request.app.state.bench
    settings, limits = bench.config.photos, bench.config.limits
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in settings.extensions:
        raise Refused(415, f"not a photo: {shown(name)} ({' '.join(settings.extensions)})")
    most = limits.photo_megabytes * 1_000_000
    declared = request.headers.get("content-length", "")
    expected = int(declared) if declared.isdecimal() else most
    if expected > most:
        raise _too_large(most)
    upload = visit.reserve(shown(name), suffix, expected)
    try:
        visit.add(upload, await _write_body(request, as_local(upload.place.path), expected))
    except BaseException:
        visit.drop(upload)
        raise
    bench.submit(visit, upload)
    return {"number": upload.number}


@receiving.delete("/api/photos/{number}")
def remove(visit: Guest, number: int) -> None:
    """Forget a photo and delete its files."""
    visit.remove(upload_of(visit, number))


@receiving.get("/api/photos/{number}/preview")
def send_preview(visit: Guest, number: int) -> FileResponse:
    """Send the small photo."""
    return _picture(as_local(inspected(visit, number).place.preview))


@receiving.get("/api/photos/{number}/heat")
def send_heat(visit: Guest, number: int) -> FileResponse:
    """Send the picture of the heat."""
    return _picture(as_local(inspected(visit, number).place.heat))


@receiving.get("/api/photos/{number}/full")
def send_full(request: Request, visit: Guest, number: int) -> FileResponse:
    """Send the upright photo in full size."""
    return _picture(request.app.state.bench.full_photo(visit, inspected(visit, number)))


def shown(name: str) -> str:
    """Return a photo's name as text that is printable and not too long."""
    text = printable(unicodedata.normalize("NFC", name)).strip()
    return text if len(text) <= LONGEST_NAME else f"…{text[1 - LONGEST_NAME :]}"


def upload_of(visit: Visit, number: int) -> Upload:
    """Return a photo of a visit by its number.

    Raises:
        Refused: the visit has no such photo.
    """
    upload = visit.uploads.get(number)
    if upload is None or upload.state == "removed":
        raise Refused(404, "there is no such photo in this visit")
    return upload


def inspected(visit: Visit, number: int) -> Upload:
    """Return a photo of a visit that has been inspected.

    Raises:
        Refused: the visit has no such photo, or it is not done.
    """
    upload = upload_of(visit, number)
    if upload.record is None:
        raise Refused(404, "the photo is not inspected yet")
    return upload


def _picture(path: Path) -> FileResponse:
    # The address has the visit and the number, which is never given to another photo of it. So the
    # browser may keep the picture.
    return FileResponse(path, headers={"cache-control": "private, max-age=3600"})


async def _write_body(request: Request, path: Path, most: int) -> int:
    """Write a request's body to a file, and return its size in bytes."""
    size = 0
    with path.open("xb") as file:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise _too_large(most)
            await asyncio.to_thread(file.write, part)
    return size


def _too_large(most: int) -> Refused:
    return Refused(413, f"the file is larger than {most / 1e6:.0f} MB (limits.photo_megabytes)")
