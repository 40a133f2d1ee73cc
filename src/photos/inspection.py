"""Inspecting a folder of photos, and writing the results as a report and tables."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.config.tool_schema import Inspecting, Predict
from src.data.addresses import any_path
from src.data.corrections import CORRECTIONS, Correction, read_corrections
from src.data.remote import AnyPath, RemotePath
from src.errors import InputError
from src.model.decision import Decision, overridden, refuse_other_model
from src.photos.earlier import read_inspection
from src.photos.inspector import Inspector
from src.photos.names import photo_name, printable
from src.photos.output_folder import prepare_output
from src.photos.photo_model import PhotoClassifier, photo_model
from src.photos.photo_report import REPORT
from src.photos.photo_search import find_photos
from src.photos.records import Place, place, share_of
from src.photos.remote_search import find_remote_photos
from src.photos.result_files import write_results
from src.photos.review import carried_over, reviewed
from src.tracking.logged_models import kind_of
from src.tracking.model_in_use import decision_in_use, model_in_use
from src.tracking.provenance import origin

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
    report: AnyPath
    done_before: int


@dataclass(frozen=True)
class PhotoShare:
    """What a worker has found on its share of the photos.

    Attributes:
        records: see `Inspection`.
        unreadable: see `Inspection`, without the paths that could not be searched.
        done_before: see `Inspection`.
        made_by: the model and the settings.
    """

    records: Sequence[Mapping[str, Any]]
    unreadable: Sequence[tuple[str, str]]
    done_before: int
    made_by: Mapping[str, Any]


def inspect(
    config: Predict, elsewhere: Callable[[], Sequence[PhotoShare]] | None = None
) -> Inspection:
    """Find the cracks on every photo of `config.input`, and write the results.

    Args:
        config: the configuration; see conf/predict/config.yaml.
        elsewhere: function that lets workers inspect all shares; see `inspect_share`. None: this
            process inspects all photos.

    Raises:
        InputError: there are no photos, `output` holds them or cannot be written, or the model
            does not exist.
    """
    places, skipped, output = _places_of(config)
    previous = config.report.previous
    earlier = read_inspection(any_path(previous, config.http)) if previous else None
    # A damaged file is told before the photos are inspected.
    corrections = read_corrections(output)
    _tell_of_other_photos(corrections, places)
    if elsewhere:
        done = merged(elsewhere(), [at.name for at in places])
    else:
        done = _inspected(config, places, output)
    results = write_results(
        output,
        reviewed(done.records, carried_over(done.records, corrections)),
        [*done.unreadable, *skipped],
        done.made_by,
        {at.name: at for at in places},
        config=config,
        earlier=earlier,
    )
    return Inspection(results.records, results.unreadable, output / REPORT, done.done_before)


def inspect_share(config: Predict) -> PhotoShare:
    """Inspect the share `config.shard` of the photos, and write their records and pictures.

    Raises:
        InputError: see `inspect`.
    """
    places, _, output = _places_of(config)
    mine = [at for at in places if share_of(at, config.shards) == config.shard]
    return _inspected(config, mine, output)


def _places_of(config: Predict) -> tuple[list[Place], list[tuple[str, str]], AnyPath]:
    """Return the places of all photos, what could not be searched, and the prepared output."""
    source, output = (any_path(text, config.http) for text in (config.input, config.output))
    extensions = config.photos.extensions
    if isinstance(source, RemotePath):
        found = find_remote_photos(source, extensions, output=output)
    else:
        local = output if isinstance(output, Path) else None
        found = find_photos(source, extensions, output=local)
    root = source.parent if found.photos and found.photos[0] == source else source
    output = prepare_output(output)
    places = [place(path, root, output) for path in found.photos]
    return places, [(photo_name(path, root), reason) for path, reason in found.skipped], output


def _tell_of_other_photos(corrections: Sequence[Correction], places: Sequence[Place]) -> None:
    here = {at.name for at in places}
    others = sorted({one.photo for one in corrections} - here)
    if others:
        logging.getLogger(__name__).warning(
            "%s: %d photos are not in the input, such as %s; their corrections are not applied",
            *(CORRECTIONS, len(others), printable(others[0])),
        )


def _inspected(config: Predict, places: list[Place], output: AnyPath) -> PhotoShare:
    if config.threads.tensorflow:
        from src.model.tensorflow_settings import configure_tensorflow

        configure_tensorflow(config.threads.tensorflow)
    inspector = Inspector(config, *load_model_of(config, output / NOTE))
    remote = isinstance(output, RemotePath) or "://" in config.input
    label = "photos" if config.shard is None else f"share {config.shard + 1} of {config.shards}"
    done = inspector.inspect_all(places, ahead=config.ahead if remote else 0, label=label)
    return PhotoShare(*done, inspector.made_by)


def merged(shares: Sequence[PhotoShare], names: Sequence[str]) -> PhotoShare:
    """Put the shares of all workers together.

    Args:
        shares: what the workers have found.
        names: the names of all photos, as they were found before the workers began.

    Raises:
        InputError: the workers have not judged in the same way.
    """
    made_by = shares[0].made_by
    for other in shares[1:]:
        if differing := [key for key in made_by if other.made_by[key] != made_by[key]]:
            raise InputError(
                f"the workers differ in {', '.join(differing)}: {made_by[differing[0]]} and "
                f"{other.made_by[differing[0]]}; give them the same model, code and engine"
            )
    known = set(names)
    records = [one for share in shares for one in share.records if one["photo"] in known]
    unreadable = [one for share in shares for one in share.unreadable if one[0] in known]
    gone = known.difference((one["photo"] for one in records), (name for name, _ in unreadable))
    unreadable += [(name, "it was gone when its turn came") for name in gone]
    done_before = sum(share.done_before for share in shares)
    return PhotoShare(records, sorted(unreadable), done_before, made_by)


def load_model_of(
    config: Inspecting, note: AnyPath | None = None
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
    model = model_in_use(config)
    found = photo_model(model, note)
    known = origin(model) if kind_of(model) != "file" else {}
    identity = {"name": model, **known, "weights": found.weights[:12]}
    print("model: " + ", ".join([model, *(f"{key} {value}" for key, value in known.items())]))
    made = decision_in_use(model, lambda: found.weights)
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
