"""Photos in, findings out: a folder of photos judged, and told in a report and tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from src.config.tool_schema import Predict
from src.model.weights import weights_sha256
from src.photos.finding import find_photos
from src.photos.inspector import Inspector
from src.photos.names import photo_name
from src.photos.output_folder import prepare_output
from src.photos.photo_report import write_report
from src.photos.photo_tables import write_tables
from src.photos.records import place
from src.tracking import runs
from src.tracking.logged_models import kind_of, load_classifier
from src.tracking.provenance import origin


@dataclass(frozen=True)
class Inspection:
    """A finished run over photos.

    Attributes:
        records: of the photos that could be read, see `src.photos.records.write_record`, the worst
            first.
        unreadable: name and reason of those that could not be, and of what could not be searched.
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
        InputError: there are no photos, `output` holds them or can't be written, or there is no
            such model.
    """
    source, output = Path(config.input), Path(config.output)
    found = find_photos(source, config.photos.extensions, output=output)
    root = source if source.is_dir() else source.parent
    prepare_output(output)
    places = [place(path, root, output) for path in found.photos]
    inspector = Inspector(config, *load_model_of(config))
    records, unreadable, before = inspector.inspect_all(places)
    records.sort(key=lambda r: (-round(r["probability"], 2), -r["cracked_share"], r["photo"]))
    unreadable += [(photo_name(path, root), reason) for path, reason in found.skipped]
    unreadable.sort()
    write_tables(output, records, unreadable, inspector.made_by)
    by_name = {at.name: at for at in places}
    report = write_report(output, records, unreadable, inspector.made_by, by_name)
    return Inspection(records, unreadable, report, before)


def load_model_of(config: Predict) -> tuple[keras.Model, dict[str, str], float]:
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
