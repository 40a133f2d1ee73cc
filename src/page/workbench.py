"""The workbench behind the page: it inspects the photos of all visits in turn."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from src.config.tool_schema import App
from src.data.decoding.photo_decoding import read_photo
from src.data.decoding.unreadable import failure_reason
from src.data.files import require_writable, temporary_folder, write_bytes
from src.errors import InputError, reason_of
from src.page.uploads import Upload, delete_files, full_size
from src.page.visits import Refused, Visit, Visits
from src.photos.earlier import read_inspection
from src.photos.inspection import load_model_of
from src.photos.inspector import Inspector
from src.photos.overlay import encoded
from src.photos.photo_report import InspectionResults
from src.photos.reading import photo_bytes
from src.photos.result_files import write_results
from src.photos.review import by_photo, findings_at, judged_at, reviewed

FULL_QUALITY = 90  # JPEG quality of photos that are looked at in full size


class Workbench:
    """Inspects photos, and writes their results.

    Attributes:
        config: the settings of the page.
        inspector: what inspects photos, as in src.predict.
        visits: the visits.
    """

    def __init__(self, config: App) -> None:
        """Load the model.

        Args:
            config: the configuration; see conf/app/config.yaml.

        Raises:
            InputError: the model or an earlier inspection does not exist, or `keep` can't be
                written.
        """
        self.config = config
        previous = config.report.previous
        self._earlier = read_inspection(Path(previous)) if previous else None
        self.inspector = Inspector(config, *load_model_of(config))
        self._temporary = None if config.keep else temporary_folder("crack-app")
        root = Path(config.keep or str(self._temporary and self._temporary.name))
        try:
            require_writable(root)
        except OSError as error:
            raise InputError(f"keep: {root}: {reason_of(error)}") from error
        self.visits = Visits(root, config.limits, config.inspection, kept=bool(config.keep))
        self._pool = ThreadPoolExecutor(config.photos.workers, thread_name_prefix="inspect")
        self._decoding = threading.Lock()

    def open(self) -> tuple[str, Visit]:
        """Begin a visit, and return the secret for its cookie; see `Visits.open`."""
        return self.visits.open()

    def end_idle(self) -> None:
        """End the visits that have been idle for too long."""
        for secret in self.visits.idle():
            try:
                self.end(secret)
            # The results of another visit are none of this visitor's business.
            except InputError:
                logging.getLogger(__name__).warning("an idle visit ended", exc_info=True)

    def submit(self, visit: Visit, upload: Upload) -> None:
        """Add a photo to those that are inspected one after the other."""
        self._pool.submit(self._inspect, visit, upload)

    def end(self, secret: str) -> None:
        """End a visit. If visits are kept, its results are written; else its files are deleted."""
        visit = self.visits.found(secret)
        try:
            if visit and self.config.keep and visit.present():
                self.results(visit, visit.threshold)
        finally:
            self.visits.end(secret)

    def close(self) -> None:
        """Stop the work, and delete the files of the visits unless they are kept."""
        self._pool.shutdown(cancel_futures=True)
        for secret in self.visits.current():
            self.end(secret)
        if self._temporary:
            self._temporary.cleanup()

    def results(self, visit: Visit, threshold: float | None) -> InspectionResults:
        """Write the report and the tables of a visit into its folder.

        Args:
            visit: the visit.
            threshold: the probability from which photos and regions count; None is the model's.
        """
        with visit.lock:
            uploads = visit.present()
            corrections = list(visit.corrections)
            records = [one.record for one in uploads if one.record]
            unreadable = [
                (one.name, one.reason or "not inspected yet") for one in uploads if not one.record
            ]
        made_by = self.inspector.made_by
        if threshold is not None and threshold != made_by["threshold"]:
            said = by_photo(corrections)
            records = [findings_at(one, threshold, said.get(one["photo"], [])) for one in records]
            made_by = judged_at(made_by, threshold)
        config = self.config.model_copy(update={"inspection": visit.details})
        with visit.writing, self.visits.lasting(visit):
            visit.threshold = threshold
            return write_results(
                visit.folder,
                reviewed(records, corrections),
                unreadable,
                made_by,
                {one.name: one.place for one in uploads},
                config=config,
                earlier=self._earlier,
            )

    def full_photo(self, visit: Visit, upload: Upload) -> Path:
        """Return the upright photo in full size as a JPEG, which is made when it is first needed.

        Raises:
            Refused: the photo is not there any more.
        """
        path = full_size(upload)
        with self._decoding, self.visits.lasting(visit):
            if not path.exists():
                try:
                    most = self.config.photos.max_megapixels
                    data = photo_bytes(upload.place.path, max_megapixels=most)
                    photo = read_photo(data, max_megapixels=most)
                except Exception as error:
                    raise Refused(404, f"{upload.name}: {failure_reason(error)}") from error
                write_bytes(path, encoded(photo, "JPEG", quality=FULL_QUALITY))
        return path

    def _inspect(self, visit: Visit, upload: Upload) -> None:
        if visit.ended or upload.state == "removed":
            return
        visit.change(upload, state="working")
        outcome: dict[str, Any]
        try:
            record, _ = self.inspector.inspect_one(upload.place)
            outcome = {"state": "done", "record": record}
        # Whatever one photo does, the others are inspected.
        except Exception as error:
            logging.getLogger(__name__).debug("%s", upload.file, exc_info=True)
            outcome = {"state": "failed", "reason": failure_reason(error)}
        visit.change(upload, **outcome)
        # What was deleted meanwhile has been written again.
        if upload.state == "removed":
            delete_files(upload)
        if visit.ended:
            self.visits.delete_ended(visit)
