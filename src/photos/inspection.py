"""Inspecting a folder of photos, and writing the results as a report and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.config.tool_schema import Inspecting, Predict
from src.data.corrections import read_corrections
from src.model.decision import Decision, overridden, refuse_other_model, undecided
from src.photos.earlier import read_inspection
from src.photos.inspector import Inspector
from src.photos.names import photo_name
from src.photos.output_folder import prepare_output
from src.photos.photo_model import PhotoClassifier, photo_model
from src.photos.photo_report import REPORT
from src.photos.photo_search import find_photos
from src.photos.records import place
from src.photos.result_files import write_results
from src.photos.review import reviewed
from src.tracking import runs
from src.tracking.default_models import first_existing
from src.tracking.logged_models import kind_of
from src.tracking.provenance import decision_of, origin

# File of the output that says which model has judged; see `photo_model`.
NOTE = ".model.json"


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

    records: Sequence[Mapping[str, Any]]
    unreadable: Sequence[tuple[str, str]]
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
    earlier = read_inspection(Path(before)) if (before := config.report.previous) else None
    places = [place(path, root, output) for path in found.photos]
    inspector = Inspector(config, *load_model_of(config, output / NOTE))
    records, unreadable, kept = inspector.inspect_all(places)
    unreadable += [(photo_name(path, root), reason) for path, reason in found.skipped]
    results = write_results(
        output,
        reviewed(records, read_corrections(output)),
        unreadable,
        inspector.made_by,
        {at.name: at for at in places},
        config=config,
        earlier=earlier,
    )
    return Inspection(results.records, results.unreadable, output / REPORT, kept)


def load_model_of(
    config: Inspecting, note: Path | None = None
) -> tuple[PhotoClassifier, dict[str, str], Decision, dict[str, object]]:
    """Find the model of a configuration, and print which one it is.

    Args:
        config: the configuration; see conf/shared/inspection.yaml.
        note: see `photo_model`.

    Returns:
        The model, its description for the report, and the decision that applies. The last item
        has the settings that differ from the model's own decision.

    Raises:
        InputError: the model does not exist, or the decision beside it is another model's.
    """
    server = config.tracking
    model = config.model or first_existing(config.default_models, server.uri, server.experiment)
    on_server = kind_of(model) != "file"
    if on_server:
        runs.connect(server.uri, server.experiment)
    found = photo_model(model, note)
    known = origin(model) if on_server else {}
    identity = {"name": model, **known, "weights": found.weights[:12]}
    print("model: " + ", ".join([model, *(f"{key} {value}" for key, value in known.items())]))
    made = decision_of(model)
    if made is None:
        print(
            f"{model} has no decision.json beside it, so its probabilities are not calibrated and "
            "the threshold is 0.5; name the run instead to have both"
        )
        from src.bank.engine import chosen_engine

        made = undecided(found.weights, *chosen_engine("auto", "f32"))
    refuse_other_model(made, found.weights, model)
    scale = config.scale
    given = {
        "scales": config.auto_scales if scale == "auto" else [scale] if scale else None,
        "flips": config.flips,
        "threshold": config.threshold,
        "temperature": config.temperature,
        "engine": config.engine.name,
        "precision": config.engine.precision,
    }
    return found, identity, *overridden(made, given)
