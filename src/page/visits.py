"""Visits to the page: each browser has its own photos, results and corrections in a folder."""

import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from src.config.tool_schema import InspectionDetails, Limits
from src.data.corrections import Correction, write_corrections
from src.page.uploads import PHOTOS, Upload, delete_files
from src.photos.photo_search import OVERLAYS, PAGES, RECORDS
from src.photos.records import place_named


class Refused(Exception):
    """A request that is not carried out. The message tells the person why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Visit:
    """One browser's photos and results.

    Attributes:
        folder: the folder of everything that the visit brings and makes.
        limits: how much one visit may bring.
        details: what the report says about the inspection.
        token: a secret that the page adds to each change, against requests from other sites.
        uploads: the photos by number.
        corrections: what the visitor has corrected.
        version: number of changes so far. The page asks for what has changed since.
        seen: monotonic time of the last request, in seconds.
        threshold: the threshold at which the results were last written; None is the model's.
        ended: whether the visit has ended.
        lock: is held while the attributes change.
        writing: is held while the results are written and read.
    """

    folder: Path
    limits: Limits
    details: InspectionDetails
    token: str = field(default_factory=secrets.token_urlsafe)
    uploads: dict[int, Upload] = field(default_factory=dict)
    corrections: list[Correction] = field(default_factory=list)
    version: int = 0
    seen: float = field(default_factory=time.monotonic)
    ended: bool = False
    threshold: float | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    writing: threading.RLock = field(default_factory=threading.RLock)
    _arriving: dict[int, Upload] = field(default_factory=dict)
    _last: int = 0

    def __post_init__(self) -> None:
        for name in (PHOTOS, RECORDS, OVERLAYS, PAGES):
            (self.folder / name).mkdir(parents=True)
        write_corrections(self.folder, [])

    def reserve(self, name: str, suffix: str, size: int) -> Upload:
        """Choose the number and the paths of a photo that begins to arrive.

        Its name and its size count from now on. `add` adds it when its file is there, and `drop`
        gives it up.

        Args:
            name: the visitor's name of the photo.
            suffix: suffix of its file, with the dot.
            size: the most bytes of its file.

        Raises:
            Refused: the visit has the most photos that it may bring, or they are too large.
        """
        with self.lock:
            self._check_room(size)
            self._last += 1
            number = self._last
            stem = f"{number:05d}"
            path = self.folder / PHOTOS / f"{stem}{suffix}"
            at = place_named(path, self._unique(name), stem, self.folder, f"{stem}.jpg")
            self._arriving[number] = Upload(number, at.name, at, size)
            return self._arriving[number]

    def _check_room(self, size: int) -> None:
        here = self._known()
        if len(here) >= self.limits.photos:
            raise Refused(413, f"a visit may bring {self.limits.photos} photos (limits.photos)")
        if sum(one.size for one in here) + size > self.limits.megabytes * 1e6:
            raise Refused(
                413, f"a visit may bring {self.limits.megabytes} MB in all (limits.megabytes)"
            )

    def add(self, upload: Upload, size: int) -> None:
        """Add a photo whose file is complete, with its size in bytes."""
        with self.lock:
            del self._arriving[upload.number]
            upload.size = size
            self.uploads[upload.number] = upload
            self.touch(upload)

    def drop(self, upload: Upload) -> None:
        """Give up a photo that does not arrive, and delete its file."""
        with self.lock:
            self._arriving.pop(upload.number, None)
        delete_files(upload)

    def change(self, upload: Upload, **values: Any) -> None:
        """Set attributes of a photo, so that the page learns of it."""
        with self.lock:
            if upload.state == "removed":
                return
            for key, value in values.items():
                setattr(upload, key, value)
            self.touch(upload)

    def touch(self, upload: Upload) -> None:
        """Note that something about a photo has changed."""
        self.version += 1
        upload.changed = self.version

    def remove(self, upload: Upload) -> None:
        """Forget a photo, its results and its corrections, and delete its files."""
        self.change(upload, state="removed", record=None)
        with self.lock:
            self._keep([one for one in self.corrections if one.photo != upload.name])
        delete_files(upload)

    def present(self) -> list[Upload]:
        """Return the photos that are not removed."""
        return [one for one in self.uploads.values() if one.state != "removed"]

    @property
    def name(self) -> str:
        """What addresses call the visit. It is no secret."""
        return self.folder.name

    @property
    def empty(self) -> bool:
        """Whether the visit has no photos, and none arrives."""
        return not self._known()

    def _known(self) -> list[Upload]:
        """Return the photos that are not removed, and those that arrive."""
        with self.lock:
            return [*self.present(), *self._arriving.values()]

    def correct(self, upload: Upload, correction: Correction, *, undo: bool) -> None:
        """Add a correction, which replaces an earlier one of the same box, or take that one back.

        Raises:
            Refused: the visit has the most corrections that it may have.
        """
        with self.lock:
            others = [
                one
                for one in self.corrections
                if (one.photo, one.box) != (correction.photo, correction.box)
            ]
            if len(others) >= self.limits.corrections:
                raise Refused(413, f"there are {len(others)} corrections (limits.corrections)")
            self._keep(others if undo else [*others, correction])
            self.touch(upload)

    def _keep(self, corrections: list[Correction]) -> None:
        if corrections != self.corrections:
            write_corrections(self.folder, corrections)
            self.corrections = corrections

    def _unique(self, name: str) -> str:
        taken = {one.name for one in self._known()}
        number, chosen = 1, name
        while chosen in taken:
            number += 1
            chosen = f"{name} ({number})"
        return chosen


class Visits:
    """All visits, by the secrets in their browsers' cookies."""

    def __init__(
        self, root: Path, limits: Limits, details: InspectionDetails, *, kept: bool
    ) -> None:
        """
        Args:
            root: the folder of the visits' folders.
            limits: how much a visit may bring, and how many visits there may be.
            details: what the report says about an inspection to begin with.
            kept: whether the folders stay when visits end.
        """
        self.root, self.limits, self.details, self.kept = root, limits, details, kept
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def open(self) -> tuple[str, Visit]:
        """Begin a visit, and return the secret for its cookie.

        If there are too many, one without photos ends, the one that was idle for longest.

        Raises:
            Refused: there are too many visits, and all have photos.
        """
        with self._lock:
            if len(self._visits) >= self.limits.visits:
                unused = [one for one, visit in self._visits.items() if visit.empty]
                if not unused:
                    raise Refused(
                        503, "there are too many visits now (limits.visits); come back later"
                    )
                self._end(min(unused, key=lambda one: self._visits[one].seen))
            secret = secrets.token_urlsafe(32)
            begun = datetime.now().strftime("%Y-%m-%d-%H%M%S")
            folder = self.root / f"{begun}-{secrets.token_hex(3)}"
            self._visits[secret] = Visit(folder, self.limits, self.details)
            return secret, self._visits[secret]

    def found(self, secret: str | None) -> Visit | None:
        """Return the visit of a cookie, if there is one, and note that it is in use."""
        visit = self._visits.get(secret or "")
        if visit:
            visit.seen = time.monotonic()
        return visit

    def idle(self) -> list[str]:
        """Return the secrets of the visits that have been idle for too long."""
        oldest = time.monotonic() - self.limits.idle_hours * 3600
        return [secret for secret, visit in self.current().items() if visit.seen < oldest]

    def end(self, secret: str) -> None:
        """End a visit; see `delete_ended`."""
        with self._lock:
            self._end(secret)

    def _end(self, secret: str) -> None:
        visit = self._visits.pop(secret, None)
        if visit:
            visit.ended = True
            self.delete_ended(visit)

    @contextmanager
    def lasting(self, visit: Visit) -> Iterator[None]:
        """Write into the folder of a visit. If the visit ends meanwhile, it is deleted again.

        Raises:
            Refused: the visit has ended.
        """
        self._refuse_ended(visit)
        try:
            yield
        finally:
            if visit.ended:
                self.delete_ended(visit)
        self._refuse_ended(visit)

    def _refuse_ended(self, visit: Visit) -> None:
        if visit.ended and not self.kept:
            raise Refused(404, "the visit has ended")

    def delete_ended(self, visit: Visit) -> None:
        """Delete the folder of an ended visit. If visits are kept, it is deleted only if empty."""
        if not self.kept or not visit.present():
            shutil.rmtree(visit.folder, ignore_errors=True)

    def current(self) -> dict[str, Visit]:
        """Return the visits that have not ended, by their secrets."""
        return dict(self._visits)


def corrections_of(visit: Visit, upload: Upload) -> list[Correction]:
    """Return the corrections of one photo."""
    return [one for one in visit.corrections if one.photo == upload.name]
