"""Inspecting a folder of photos, and writing the results as a report and tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from src.bank.engine import chosen_engine
from src.config.tool_schema import Predict
from src.model.decision import Decision, overridden, undecided
from src.model.weights import weights_sha256
from src.photos.inspector import Inspector
from src.photos.names import photo_name
from src.photos.output_folder import prepare_output
from src.photos.photo_report import write_report
from src.photos.photo_search import find_photos
from src.photos.photo_tables import write_tables
from src.photos.records import place
from src.tracking import runs
from src.tracking.logged_models import kind_of, load_classifier
from src.tracking.provenance import decision_of, origin


@dataclass(frozen=True)
class Inspection:
    """The results of a run over photos.

    Attributes:
        records: the records of the readable photos, the most likely cracks first; see
            `src.photos.records.write_record`.
        unreadable: names of photos that could not be read and of paths that could not be searched,
            with the reasons.
        report: the HTML file.
        done_before: number of records that an earlier run had made.
    """

    records: list[dict[str, Any]]
    unreadable: list[tuple[str, str]]
    report: Path
    done_before: int


def inspect(config: Predict) -> Inspection:
    """Find the cracks on every photo of `config.input`, and write the results.

    Args:
        config: the configuration; see conf/predict/config.yaml.

    Raises:
        InputError: there are no photos, `output` holds them or cannot be written, or the model
            does not exist.
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


def load_model_of(
    config: Predict,
) -> tuple[keras.Model, dict[str, str], Decision, dict[str, object]]:
    """Load the model of a configuration.

    Args:
        config: the configuration; see conf/predict/config.yaml.

    Returns:
        The classifier, its description for the report, and the decision that applies. The last item
        has the settings that differ from the model's own decision.

    Raises:
        InputError: the model does not exist.
    """
    on_server = kind_of(config.model) != "file"
    if on_server:
        runs.connect(config.tracking.uri, config.tracking.experiment)
    classifier = load_classifier(config.model)
    weights = weights_sha256(classifier)
    known = origin(config.model) if on_server else {}
    identity = {"name": config.model, **known, "weights": weights[:12]}
    made = decision_of(config.model)
    if made is None:
        print(
            f"{config.model} has no decision.json beside it, so its probabilities are not "
            "calibrated and the threshold is 0.5; name the run instead to have both"
        )
        made = undecided(weights, *chosen_engine("auto", "f32"))
    scale = config.scale
    given = {
        "scales": config.auto_scales if scale == "auto" else [scale] if scale else None,
        "flips": config.flips,
        "threshold": config.threshold,
        "temperature": config.temperature,
        "engine": config.engine.name,
        "precision": config.engine.precision,
    }
    return classifier, identity, *overridden(made, given)
