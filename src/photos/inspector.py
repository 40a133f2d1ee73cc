"""One photo after the other: read, scored, marked and kept.

The records of photos know which code made them: this module and all that it runs.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import keras
from PIL import Image
from tqdm import tqdm

from src.config.code_closure import code_fingerprint
from src.errors import InputError
from src.photos.overlay import draw_findings, encoded, heat_picture, preview
from src.photos.reading import megapixels, photo_bytes, read_photo, release_memory
from src.photos.records import Place, found_before, photo_fingerprint, write_record
from src.photos.regions import Findings, find_cracks
from src.photos.scoring import Scorer, build_scorer
from src.photos.unreadable import failure_reason

if TYPE_CHECKING:
    from src.config.tool_schema import Predict
    from src.model.decision import Decision

HEAT_SIZE = 400  # longer side, in pixels, of the heat in the report


class Inspector:
    """What every photo of a run is inspected with."""

    def __init__(
        self,
        config: "Predict",
        classifier: keras.Model,
        identity: dict[str, str],
        decision: "Decision",
        deviations: Mapping[str, object],
    ) -> None:
        """
        Args:
            config: how photos are read, scored and drawn.
            classifier: that scores them.
            identity: what the classifier is, for the report.
            decision: what applies.
            deviations: what it deviates in from the decision of the classifier's training.
        """
        self.config, self.classifier, self.decision = config, classifier, decision
        applied = {"name": decision.engine, "precision": decision.precision}
        self.made_by: dict[str, Any] = {
            "code": code_fingerprint(__name__),
            "model": identity,
            "patch": int(classifier.input_shape[1]),
            "scales": decision.scales,
            "flips": decision.flips,
            "threshold": decision.threshold,
            "temperature": decision.temperature,
            "calibrated": decision.calibrated,
            "deviations": dict(deviations),
            "engine": {**config.engine.model_dump(), **applied},
            "pictures": config.pictures.model_dump(),
        }
        self._scoring, self._large = threading.Lock(), threading.Lock()

    @cached_property
    def scorer(self) -> Scorer:
        """Built for the first photo that is new."""
        return build_scorer(self.classifier, self.decision, self.config.engine)

    def inspect_all(
        self, places: list[Place]
    ) -> tuple[list[dict[str, Any]], list[tuple[str, str]], int]:
        """Records of the photos that can be read, names and reasons of the others, and how many
        records were there before."""
        records, unreadable, before = [], [], 0
        bar = tqdm(total=len(places), desc="photos", unit="photo")
        with ThreadPoolExecutor(self.config.photos.workers) as pool, bar:
            pending: dict[Future[tuple[dict[str, Any], bool]], Place]
            pending = {pool.submit(self.inspect_one, at): at for at in places}
            try:
                for future in as_completed(pending):
                    # An exception holds the photo that it was raised over; let go of both.
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
        """The photo's record, and whether it is new.

        Raises:
            Unreadable: the photo can't be read. Whatever else one photo makes fail is raised, too.
        """
        settings, pictures = self.config.photos, self.config.pictures
        data = photo_bytes(at.path, max_megapixels=settings.max_megapixels)
        # What the model is called changes nothing on the photo.
        key = photo_fingerprint(data, {**self.made_by, "model": self.made_by["model"]["weights"]})
        if record := found_before(at, key):
            return record, False
        # Large photos take turns, or two of them would need the memory of both.
        large = megapixels(data) > settings.large_megapixels
        with self._large if large else nullcontext():
            photo = read_photo(data, max_megapixels=settings.max_megapixels)
            size, findings = photo.size, self.findings(photo)
            small = preview(photo, pictures.preview, pictures.preview_quality)
            heat = heat_picture(findings, *size, HEAT_SIZE)
            draw_findings(photo, findings, pictures.opacity)
            overlay = encoded(photo, "JPEG", quality=pictures.overlay_quality)
            del photo
            if large:
                release_memory()
        drawn = {at.overlay: overlay, at.preview: small, at.heat: heat}
        return write_record(at, key, size, findings, drawn), True

    def findings(self, photo: Image.Image) -> Findings:
        """What the network finds on an upright RGB photo."""
        # The network's work fills all cores, so photos take turns; reading and drawing go on.
        with self._scoring:
            scores = [self.scorer.score(photo, scale) for scale in self.decision.scales]
        return find_cracks(
            scores, width=photo.width, height=photo.height, threshold=self.decision.threshold
        )


def _concerns_all(error: Exception) -> bool:
    """Would it stop the other photos as well: a full disk, an engine that is missing?

    A file where a folder should be, or the other way round, concerns only the photo itself.
    """
    in_the_way = IsADirectoryError, NotADirectoryError, FileExistsError
    return isinstance(error, InputError) and not isinstance(error.__cause__, in_the_way)
