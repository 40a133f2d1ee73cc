"""The champion of the model registry: promoting a run's model, and restoring the previous one."""

import functools
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from src.config.tool_schema import Promote
from src.errors import InputError, without_credentials
from src.registry.corrected_check import answers, as_sentence, compared
from src.registry.gate import Ruling, decide
from src.registry.image_judge import Judge, load_judge
from src.registry.packaged_model import registered
from src.registry.served_check import ServedCheck, check_served
from src.registry.served_settings import served_settings
from src.registry.versions import (
    PREVIOUS,
    aliased,
    describe_version,
    point,
    promoting,
    tag,
    version_of,
)
from src.statistics.verdicts import with_verdicts
from src.tracking import runs
from src.tracking.logged_models import CHAMPION, find_model, model_of
from src.tracking.model_in_use import project_model
from src.tracking.provenance import decision_of, decision_of_run
from src.tracking.run_reading import (
    check_same_images,
    config_of,
    predictions_of,
    run_named,
)
from src.tracking.tested_images import has_tested_images

COMPARISON = "comparison."
# How the packaged model answers test images, beside the run's own predictions.
SERVED = "served."
# How the challenger and the champion answer corrected photos.
CORRECTED = "corrected."
# Tag of a restored version: the number of the version that it replaced.
REPLACED = "outcome.replaced"


@dataclass(frozen=True)
class Promotion:
    """What was done with a version.

    Attributes:
        version: the version of the registered model.
        outcome: promoted, refused, restored or kept. A version that is the champion already is
            kept.
        why: the reason for the outcome.
    """

    version: ModelVersion
    outcome: str
    why: str


def promote(config: Promote, name: str) -> Promotion:
    """Register a run's model, and make it the champion if it is not worse than the present one.

    Args:
        config: the settings of the registry, the serving and the thresholds.
        name: the run's id, or its first characters.

    Raises:
        InputError: the run does not exist, has not finished, or has no model, predictions or
            decision.
    """
    runs.connect(config.tracking.uri, config.tracking.experiment)
    run = run_named(name)
    if run.info.status != "FINISHED":
        raise InputError(
            f"run {run.info.run_id} is {run.info.status}; only FINISHED runs can be promoted"
        )
    if model_of(run) is None:
        raise InputError(
            f"run {run.info.run_id} ({run.info.run_name}) logged no model; a sweep has none, but "
            "each of its runs has one"
        )
    predictions = predictions_of(run)
    decision = decision_of_run(run)
    if decision is None:
        raise InputError(
            f"run {run.info.run_id} has no decision.json, because an older version made it: "
            f"`python -m src.evaluate evaluate.run={run.info.run_id}` adds the file"
        )
    if not decision.calibrated:
        print(
            "the validation images of the run do not determine its temperature, so the "
            "probabilities that are served are not calibrated"
        )
    file = find_model(run.info.run_id)
    served, deviations, settings = served_settings(decision, config.serving)
    # Both checks below ask the same judge, which takes seconds to load.
    load = functools.cache(functools.partial(load_judge, file, settings))
    check = None
    predictions = with_verdicts(predictions, served.temperature, served.threshold)
    # The predictions are of images in their own size.
    if not deviations.keys() & {"scales", "flips"} and tuple(served.scales) == (1.0,):
        folder = Path(config_of(run.info.run_id)["data"]["dir"])
        # Other images under the same names would look like another verdict.
        if has_tested_images(run, predictions, folder):
            check = check_served(load, predictions, folder, config.check_images)
    on_corrected = _on_corrected_photos(config, load)
    with promoting():
        version = registered(config.name, run, file, settings)
        return _decided(config, run, predictions, version, check, on_corrected)


def _on_corrected_photos(config: Promote, load: Callable[[], Judge]) -> dict[str, float]:
    """Compare a challenger with the model in use on the corrected photos, if there are any.

    That is the champion, or else the model that comes with the project.

    Args:
        config: the settings.
        load: function that loads the challenger's judge.
    """
    if config.corrections is None:
        return {}
    folder = Path(config.corrections)
    champion = aliased(config.name).get(CHAMPION)
    challenger = answers(load(), folder)
    whose, model = "champion", champion.run_id if champion else None
    if not champion and (file := project_model(config.default_models)):
        whose, model = "project", str(file)
    if not model:
        return compared(challenger)
    decision = decision_of(_address(champion) if champion else model)
    if decision is None:
        raise InputError(f"the {whose}'s model {model} has no decision.json")
    _, _, settings = served_settings(decision, config.serving)
    # What deviates from a decision is said of the challenger.
    own = settings | {"decision": decision.model_dump()}
    reigning = load_judge(find_model(model), own)
    return compared(challenger, answers(reigning, folder), whose)


def go_back(config: Promote) -> Promotion:
    """Make the previous champion the champion again, and the present champion the previous one.

    If an earlier call was interrupted, this call completes it.

    Raises:
        InputError: there is no previous champion.
    """
    runs.connect(config.tracking.uri, config.tracking.experiment)
    with promoting():
        versions = aliased(config.name)
        if PREVIOUS in versions and CHAMPION not in versions:
            return _without_a_champion(versions[PREVIOUS])
        restored, replaced = _changing_places(config.name)
        promotion = Promotion(restored, "restored", f"in place of version {replaced.version}")
        # The tag is set before the aliases move. Between the two moves the replaced version has no
        # alias, and after an interruption only the tag leads to it.
        _record(promotion, {REPLACED: replaced.version})
        # The champion's alias moves first, so that an interruption leaves the restored champion.
        point(CHAMPION, restored)
        point(PREVIOUS, replaced)
    return promotion


def _without_a_champion(previous: ModelVersion) -> Promotion:
    """Make the previous champion the champion where somebody has deleted the present one."""
    promotion = Promotion(previous, "restored", "there was no champion")
    _record(promotion)
    point(CHAMPION, previous)
    mlflow.MlflowClient().delete_registered_model_alias(previous.name, PREVIOUS)
    return promotion


def _address(version: ModelVersion) -> str:
    return f"models:/{version.name}/{version.version}"


def _changing_places(name: str) -> tuple[ModelVersion, ModelVersion]:
    """Return the version to restore and the version that it replaces."""
    versions = aliased(name)
    champion, previous = versions.get(CHAMPION), versions.get(PREVIOUS)
    if champion and previous:
        if champion.version != previous.version:
            return previous, champion
        if number := champion.tags.get(REPLACED):
            # Somebody may have deleted it.
            with suppress(MlflowException):
                return champion, version_of(name, number)
    raise InputError(f"{name} has no previous champion to go back to")


def _decided(
    config: Promote,
    run: Run,
    predictions: pd.DataFrame,
    version: ModelVersion,
    check: ServedCheck | None,
    on_corrected: Mapping[str, float],
) -> Promotion:
    champion = aliased(config.name).get(CHAMPION)
    if champion and champion.version == version.version:
        return Promotion(version, "kept", "it is the champion already")
    ruling = _ruled(config, run, predictions, champion, check)
    # None removes the figures of an earlier promotion.
    former = (key for key in version.tags if key.startswith((COMPARISON, CORRECTED, SERVED)))
    figures: dict[str, object] = dict.fromkeys(former)
    figures[REPLACED] = None
    figures |= {f"{COMPARISON}{key}": value for key, value in ruling.figures.items()}
    if check:
        figures |= {f"{SERVED}{key}": value for key, value in asdict(check).items()}
    figures |= {f"{CORRECTED}{key}": value for key, value in on_corrected.items()}
    if champion:
        figures |= {
            f"{COMPARISON}version": champion.version,
            f"{COMPARISON}run": champion.run_id,
        }
    why = f"{ruling.why}; {as_sentence(on_corrected)}" if on_corrected else ruling.why
    promotion = Promotion(version, "promoted" if ruling.promoted else "refused", why)
    # The tags are set before the aliases, so that every champion has its reasons on record.
    _record(promotion, figures)
    describe_version(version, f"{why}.\n\n{_note_of(run, version)}")
    if ruling.promoted:
        # The alias of the previous champion moves first, so that an interruption does not lose it.
        # If the champion is the same model in an older package, its predecessor stays previous.
        if champion and champion.run_id != run.info.run_id:
            point(PREVIOUS, champion)
        point(CHAMPION, version)
    return promotion


def _note_of(run: Run, version: ModelVersion) -> str:
    """Return the description of a run, with the version in place of the model that it logged."""
    note = run.data.tags.get(MLFLOW_RUN_NOTE, "")
    return note.replace(f'"{model_of(run)}"', f'"models:/{version.name}/{version.version}"')


def _ruled(
    config: Promote,
    run: Run,
    predictions: pd.DataFrame,
    champion: ModelVersion | None,
    check: ServedCheck | None,
) -> Ruling:
    if check and check.share > config.max_disagreements:
        why = (
            f"the packaged model and the run differ in the verdict on "
            f"{check.disagreements} of {check.images} test images, a larger share than "
            f"max_disagreements={config.max_disagreements:g}"
        )
        return Ruling(False, why, {})
    thresholds = {"margin": config.margin, "min_accuracy": config.min_accuracy}
    if not champion:
        return decide(predictions, None, **thresholds)
    try:
        if not champion.run_id:
            raise InputError("the champion has no source run")
        reigning = run_named(champion.run_id)
        check_same_images([[run], [reigning]])
        tested = predictions_of(reigning)
        if served := decision_of(_address(champion)):
            tested = with_verdicts(tested, served.temperature, served.threshold)
        return decide(predictions, tested, **thresholds)
    except InputError as error:
        begin_anew = (
            'to begin anew, delete its alias and promote again: `python -c "import mlflow; '
            f"mlflow.set_tracking_uri('{without_credentials(mlflow.get_tracking_uri())}'); "
            f"mlflow.MlflowClient().delete_registered_model_alias('{config.name}', '{CHAMPION}')\"`"
        )
        why = f"not comparable with the champion, version {champion.version}: {error}; {begin_anew}"
        return Ruling(False, why, {})


def _record(promotion: Promotion, figures: Mapping[str, object] | None = None) -> None:
    """Tag the version with the outcome, its reason and the figures that it is based on."""
    outcome = {"outcome": promotion.outcome, "outcome.why": promotion.why}
    tag(promotion.version, {**outcome, **(figures or {})})
