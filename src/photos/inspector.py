"""Inspecting photos one by one: each is read, scored, marked and recorded.

A record holds a fingerprint of the code that made it: this module and all that it imports.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image
from tqdm import tqdm

from src.config.code_closure import code_fingerprint
from src.data.decoding.photo_decoding import megapixels, read_photo, release_memory
from src.data.decoding.unreadable import failure_reason
from src.data.remote import AnyPath, RemotePath
from src.errors import InputError
from src.photos.capture import taken
from src.photos.finding_fields import finding_fields
from src.photos.metadata import read_metadata
from src.photos.overlay import draw_findings, encoded, heat_picture, preview
from src.photos.photo_model import PhotoClassifier
from src.photos.pixel_size import pixel_size
from src.photos.reading import file_size, photo_bytes
from src.photos.records import (
    Place,
    found_before,
    photo_fingerprint,
    photo_version,
    write_record,
)

if TYPE_CHECKING:
    from src.config.tool_schema import Inspecting
    from src.model.decision import Decision
    from src.photos.regions import Findings
    from src.photos.scoring import Scorer

RGB_BYTES = 3  # bytes of a pixel in a file without compression
HEAT_SIZE = 400  # longer side of the heat pictures in the report, in pixels


class Inspector:
    """Inspects the photos of a run, all with the same model and settings."""

    def __init__(
        self,
        config: "Inspecting",
        model: PhotoClassifier,
        identity: dict[str, str],
        decision: "Decision",
        deviations: Mapping[str, object],
    ) -> None:
        """
        Args:
            config: the settings for reading, scoring and drawing photos.
            model: the model that scores them.
            identity: a description of the classifier for the report, with its `weights`.
            decision: the decision that applies.
            deviations: the settings that differ from the model's own decision.
        """
        self.config, self.model, self.decision = config, model, decision
        rule = decision.photographs
        applied = {"name": decision.engine, "precision": decision.precision}
        self.made_by: dict[str, Any] = {
            "code": code_fingerprint(__name__),
            "model": identity,
            "patch": model.patch,
            "scales": decision.scales,
            "flips": decision.flips,
            "threshold": rule.threshold if rule else decision.threshold,
            "patch_threshold": decision.threshold,
            "rule": rule.model_dump() if rule else None,
            "temperature": decision.temperature,
            "calibrated": decision.calibrated,
            "deviations": dict(deviations),
            "engine": {**config.engine.model_dump(), **applied},
            "pictures": config.pictures.model_dump(),
            "mm_per_pixel": config.mm_per_pixel,
            "distance_m": config.distance_m,
            "severity": [one.model_dump() for one in config.severity],
        }
        # A thread that works on a large photo takes `_large` before `_working`, never after.
        self._scoring, self._large = threading.Lock(), threading.RLock()
        self._working = threading.BoundedSemaphore(config.photos.workers)

    @cached_property
    def scorer(self) -> "Scorer":
        """The scorer of photos. It is built when the first new photo needs it."""
        from src.photos.scoring import build_scorer

        return build_scorer(
            self.model.load(), self.decision, self.config.engine, self.config.threads.openvino
        )

    def inspect_all(
        self, places: list[Place], ahead: int = 0, label: str = "photos"
    ) -> tuple[list[dict[str, Any]], list[tuple[str, str]], int]:
        """Inspect photos, several at a time.

        Args:
            places: the places of the photos and their results.
            ahead: number of photos that are fetched, or whose results are sent away, beside those
                that are inspected.
            label: what the progress bar counts.

        Returns:
            The records of the readable photos, and names and reasons of the others. The last item
            is the number of records that an earlier run had made.

        Raises:
            InputError: an error that concerns all photos, such as a full disk.
        """
        records, unreadable, before = [], [], 0
        bar = tqdm(total=len(places), desc=label, unit="photo")
        with ThreadPoolExecutor(self.config.photos.workers + ahead) as pool, bar:
            pending: dict[Future[tuple[dict[str, Any], bool]], Place]
            pending = {pool.submit(self.inspect_one, at): at for at in places}
            try:
                for future in as_completed(pending):
                    # The future is removed, because its exception would keep the photo in memory.
                    at = pending.pop(future)
                    try:
                        record, new = future.result()
                        records.append(record)
                        before += not new
                    except Exception as error:
                        if _concerns_all(error):
                            raise
                        unreadable.append((at.name, failure_reason(error)))
                    bar.update()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return records, sorted(unreadable), before

    def inspect_one(self, at: Place) -> tuple[dict[str, Any], bool]:
        """Inspect one photo, or read the record that an earlier run has made of it.

        Args:
            at: the places of the photo and its results.

        Returns:
            The photo's record, and whether it is new.

        Raises:
            Unreadable: the photo cannot be read. Other exceptions are raised as they are.
        """
        if not isinstance(at.path, RemotePath):
            return self._found_or_made(at)
        at = replace(at, path=at.path.examined())
        # Only one large file is fetched at a time, to limit the memory.
        size, small = file_size(at.path), RGB_BYTES * self.config.photos.large_megapixels * 1e6
        with self._large if size is None or size > small else nullcontext():
            return self._found_or_made(at)

    def _found_or_made(self, at: Place) -> tuple[dict[str, Any], bool]:
        version = photo_version(at.path)
        if version and (record := found_before(at, self._key(version))):
            return record, False
        data = photo_bytes(at.path, max_megapixels=self.config.photos.max_megapixels)
        key = self._key(version or data)
        if not version and (record := found_before(at, key)):
            return record, False
        return write_record(at, key, *self._looked_at(at, data)), True

    def _key(self, content: bytes) -> str:
        # The model's name has no influence on the findings, so the key depends on its weights only.
        return photo_fingerprint(
            content, {**self.made_by, "model": self.made_by["model"]["weights"]}
        )

    def _looked_at(
        self, at: Place, data: bytes
    ) -> tuple[tuple[int, int], dict[str, Any], dict[AnyPath, bytes]]:
        """Return a photo's size, the fields of its record, and its pictures by path."""
        settings, pictures = self.config.photos, self.config.pictures
        # Only one large photo is read at a time, to limit the memory.
        large = megapixels(data) > settings.large_megapixels
        with self._large if large else nullcontext(), self._working:
            photo = read_photo(data, max_megapixels=settings.max_megapixels)
            size, findings = photo.size, self.findings(photo)
            small = preview(photo, pictures.preview, pictures.preview_quality)
            heat = heat_picture(findings, *size, HEAT_SIZE)
            draw_findings(photo, findings, pictures.opacity)
            overlay = encoded(photo, "JPEG", quality=pictures.overlay_quality)
            del photo
            if large:
                release_memory()
        metadata = read_metadata(data)
        pixel = pixel_size(metadata, size, self.config.mm_per_pixel, self.config.distance_m)
        fields = finding_fields(findings, pixel, self.config.severity) | taken(metadata)
        return size, fields, {at.overlay: overlay, at.preview: small, at.heat: heat}

    def findings(self, photo: Image.Image) -> "Findings":
        """Find the cracks on an upright RGB photo."""
        from src.photos.photo_findings import findings_on

        # The network uses all cores, so it scores one photo at a time. Other photos are read,
        # measured and drawn meanwhile.
        with self._scoring:
            scores = [self.scorer.score(photo, scale) for scale in self.decision.scales]
        return findings_on(photo, scores, self.decision, self.scorer.patch)


def _concerns_all(error: Exception) -> bool:
    """Return whether an error would occur for all photos, such as a full disk.

    A file where a folder should be concerns only one photo, and so does the opposite case.
    """
    in_the_way = IsADirectoryError, NotADirectoryError, FileExistsError
    return isinstance(error, InputError) and not isinstance(error.__cause__, in_the_way)
