"""Photos in, findings out: read, scored, marked, kept, and told in a report and tables."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
from PIL import Image
from tqdm import tqdm

from src.model.engine import chosen_engine
from src.model.weights import weights_sha256
from src.report.photo_tables import write_tables
from src.report.photos import write_report
from src.sections import Predict
from src.tracking import runs
from src.tracking.models import kind_of, load_classifier
from src.tracking.provenance import origin
from src.vision.overlay import draw_findings, encoded, heat_picture, preview
from src.vision.photos import Unreadable, find_photos, megapixels, read_photo
from src.vision.records import Place, fingerprint, found_before, keep, place
from src.vision.regions import Findings, find_cracks
from src.vision.scoring import Scorer, build_scorer

FORMAT = 4  # of records: one that says other than this code would must not be taken for new
HEAT_SIZE = 400  # longer side, in pixels, of the heat in the report


@dataclass(frozen=True)
class Inspection:
    """A finished run over photos.

    Attributes:
        records: of the photos read, as `src.vision.records.keep` returns them, the worst first.
        unreadable: name and reason of those that could not be.
        report: the HTML file.
        done_before: how many of the records a former run had made.
    """

    records: list[dict[str, Any]]
    unreadable: list[tuple[str, str]]
    report: Path
    done_before: int


def inspect(config: Predict) -> Inspection:
    """Find the cracks on every photo of `config.input` and write what was found.

    Raises:
        InputError: there are no photos, `output` holds them, or there is no such model.
    """
    source, output = Path(config.input), Path(config.output)
    paths = find_photos(source, config.photos.extensions, output=output)
    root = source if source.is_dir() else source.parent
    places = [place(path, root, output) for path in paths]
    inspector = Inspector(config, *load(config))
    output.mkdir(parents=True, exist_ok=True)
    records, unreadable, before = inspector.inspect_all(places)
    records.sort(key=lambda r: (-round(r["probability"], 2), -r["cracked_share"], r["photo"]))
    write_tables(output, records, unreadable, inspector.made_by)
    by_name = {at.name: at for at in places}
    report = write_report(output, records, unreadable, inspector.made_by, by_name)
    return Inspection(records, unreadable, report, before)


def load(config: Predict) -> tuple[keras.Model, dict[str, str], float]:
    """The classifier, what it is, and the temperature that applies."""
    known: dict[str, str] = {}
    calibrated = None
    on_server = kind_of(config.model) != "file"
    if on_server:
        runs.connect(config.tracking.uri, config.tracking.experiment)
    classifier = load_classifier(config.model)
    if on_server:
        known, calibrated = origin(config.model)
    identity = {"name": config.model, **known, "weights": weights_sha256(classifier)[:12]}
    return classifier, identity, config.temperature or calibrated or 1.0


class Inspector:
    """What every photo of a run is inspected with."""

    def __init__(
        self, config: Predict, classifier: keras.Model, identity: dict[str, str], temperature: float
    ) -> None:
        self.config, self.classifier, self.temperature = config, classifier, temperature
        # What `auto` stands for here: another machine's findings are not quite the same.
        name, precision = chosen_engine(config.engine.name, config.engine.precision)
        self.made_by: dict[str, Any] = {
            "format": FORMAT,
            "model": identity,
            "patch": int(classifier.input_shape[1]),
            "scales": config.auto_scales if config.scale == "auto" else [config.scale],
            "flips": config.flips,
            "threshold": config.threshold,
            "temperature": temperature,
            "engine": {**config.engine.model_dump(), "name": name, "precision": precision},
            "pictures": config.pictures.model_dump(),
        }
        self._scoring, self._large = threading.Lock(), threading.Lock()

    @cached_property
    def scorer(self) -> Scorer:
        """Built for the first photo that is new."""
        return build_scorer(
            self.classifier,
            temperature=self.temperature,
            flips=self.config.flips,
            **self.made_by["engine"],
        )

    def inspect_all(
        self, places: list[Place]
    ) -> tuple[list[dict[str, Any]], list[tuple[str, str]], int]:
        """Records of the photos that can be read, names and reasons of the others, and how many
        records were there before."""
        records, unreadable, before = [], [], 0
        bar = tqdm(total=len(places), desc="photos", unit="photo")
        with ThreadPoolExecutor(self.config.photos.workers) as pool, bar:
            pending: Mapping[Future[tuple[dict[str, Any], bool]], Place]
            pending = {pool.submit(self.inspect_one, at): at for at in places}
            try:
                for future in as_completed(pending):
                    try:
                        record, new = future.result()
                        records.append(record)
                        before += not new
                    except Unreadable as reason:
                        unreadable.append((pending[future].name, str(reason)))
                    bar.update()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return records, sorted(unreadable), before

    def inspect_one(self, at: Place) -> tuple[dict[str, Any], bool]:
        """The photo's record, and whether it is new.

        Raises:
            Unreadable: the photo can't be read.
        """
        try:
            data = at.path.read_bytes()
        except OSError as error:
            raise Unreadable(error.strerror or str(error)) from error
        # What the model is called changes nothing on the photo.
        key = fingerprint(data, {**self.made_by, "model": self.made_by["model"]["weights"]})
        if record := found_before(at, key):
            return record, False
        settings, pictures = self.config.photos, self.config.pictures
        # Large photos take turns, or two of them would need the memory of both.
        large = megapixels(data) > settings.large_megapixels
        with self._large if large else nullcontext():
            photo = read_photo(data, max_megapixels=settings.max_megapixels)
            findings = self.findings(photo)
            small = preview(photo, pictures.preview, pictures.preview_quality)
            heat = heat_picture(findings, *photo.size, HEAT_SIZE)
            draw_findings(photo, findings, pictures.opacity)
            overlay = encoded(photo, "JPEG", quality=pictures.overlay_quality)
        drawn = {at.overlay: overlay, at.preview: small, at.heat: heat}
        return keep(at, key, photo.size, findings, drawn), True

    def findings(self, photo: Image.Image) -> Findings:
        """What the network finds on an upright RGB photo."""
        # The network's work fills all cores, so photos take turns; reading and drawing go on.
        with self._scoring:
            scores = [self.scorer.score(photo, scale) for scale in self.made_by["scales"]]
        return find_cracks(
            scores, width=photo.width, height=photo.height, threshold=self.config.threshold
        )
