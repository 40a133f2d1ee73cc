"""The champion of the model registry: how a run's model becomes it, and how it is taken back."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from src.config.tool_schema import Promote
from src.errors import InputError
from src.model.decision import overridden
from src.registry.gate import Decision, decide
from src.registry.packaged_model import registered
from src.registry.versions import PREVIOUS, aliased, point, promoting, tag, version_of
from src.tracking import runs
from src.tracking.logged_models import CHAMPION, find_model
from src.tracking.provenance import decision_of_run
from src.tracking.run_reading import check_same_images, predictions_of, run_named

COMPARISON = "comparison."
# On a restored version, the number of the one that it replaced.
REPLACED = "decision.replaced"


@dataclass(frozen=True)
class Promotion:
    """What was done with a version.

    Attributes:
        version: of the registered model.
        decision: promoted, refused, restored, or kept where it was the champion already.
        why: in a sentence.
    """

    version: ModelVersion
    decision: str
    why: str


def promote(config: Promote, name: str) -> Promotion:
    """Register a run's model, and make it the champion if it is not worse than the present one.

    Args:
        config: of the registry and the thresholds.
        name: the run's id, or its first characters.

    Raises:
        InputError: there is no such run, it has not finished, or it lacks a model, predictions or
            a decision.
    """
    runs.connect(config.tracking.uri, config.tracking.experiment)
    run = run_named(name)
    if run.info.status != "FINISHED":
        raise InputError(f"run {run.info.run_id} is {run.info.status}; only FINISHED ones count")
    predictions = predictions_of(run)
    decision = decision_of_run(run)
    if decision is None:
        raise InputError(
            f"run {run.info.run_id} has no decision.json, as one of an older version: "
            f"`python -m src.evaluate evaluate.run={run.info.run_id}` makes it"
        )
    file = find_model(run.info.run_id)
    serving = config.serving.model_dump()
    served, _ = overridden(decision, serving.pop("decision"))
    settings = {**serving, "decision": served.model_dump()}
    with promoting():
        version = registered(config.name, run, file, settings)
        return _decided(config, run, predictions, version)


def go_back(config: Promote) -> Promotion:
    """Make the previous champion the champion again, and the champion the previous one.

    One that was killed in between is finished.

    Raises:
        InputError: there is no previous one.
    """
    runs.connect(config.tracking.uri, config.tracking.experiment)
    with promoting():
        restored, replaced = _changing_places(config.name)
        outcome = Promotion(restored, "restored", f"in place of version {replaced.version}")
        # Before the aliases, as for a moment the replaced one has none.
        _record(outcome, {REPLACED: replaced.version})
        # In this order what is asked for is done even if the process is killed in between.
        point(CHAMPION, restored)
        point(PREVIOUS, replaced)
    return outcome


def _changing_places(name: str) -> tuple[ModelVersion, ModelVersion]:
    """The version to restore and the one that it replaces."""
    versions = aliased(name)
    champion, previous = versions.get(CHAMPION), versions.get(PREVIOUS)
    if champion and previous:
        if champion.version != previous.version:
            return previous, champion
        if number := champion.tags.get(REPLACED):
            return champion, version_of(name, number)
    raise InputError(f"{name} has no previous champion to go back to")


def _decided(
    config: Promote, run: Run, predictions: pd.DataFrame, version: ModelVersion
) -> Promotion:
    champion = aliased(config.name).get(CHAMPION)
    if champion and champion.version == version.version:
        return Promotion(version, "kept", "it is the champion already")
    decision = _compared(config, run, predictions, champion)
    # Those of an earlier decision go.
    figures: dict[str, object] = {key: None for key in version.tags if key.startswith(COMPARISON)}
    figures[REPLACED] = None
    figures |= {f"{COMPARISON}{key}": value for key, value in decision.figures.items()}
    if champion:
        figures |= {
            f"{COMPARISON}version": champion.version,
            f"{COMPARISON}run": champion.run_id,
        }
    outcome = Promotion(version, "promoted" if decision.promoted else "refused", decision.why)
    # Before the aliases, so that no champion is without its reasons.
    _record(outcome, figures)
    if decision.promoted:
        # In this order there is a champion to go back to whenever the process is killed.
        # The same model in another package is no other champion: the one before stays in reach.
        if champion and champion.run_id != run.info.run_id:
            point(PREVIOUS, champion)
        point(CHAMPION, version)
    return outcome


def _compared(
    config: Promote, run: Run, predictions: pd.DataFrame, champion: ModelVersion | None
) -> Decision:
    thresholds = {"margin": config.margin, "min_accuracy": config.min_accuracy}
    if not champion:
        return decide(predictions, None, **thresholds)
    try:
        if not champion.run_id:
            raise InputError("the champion has no source run")
        reigning = run_named(champion.run_id)
        check_same_images([run, reigning])
        return decide(predictions, predictions_of(reigning), **thresholds)
    except InputError as error:
        begin_anew = (
            "mlflow.MlflowClient().delete_registered_model_alias("
            f"'{config.name}', '{CHAMPION}') makes the next one the first"
        )
        why = f"not comparable with the champion, version {champion.version}: {error}; {begin_anew}"
        return Decision(False, why, {})


def _record(outcome: Promotion, figures: Mapping[str, object] | None = None) -> None:
    """Tag the version with what was decided, and with what that is founded on."""
    decision = {"decision": outcome.decision, "decision.why": outcome.why}
    tag(outcome.version, {**decision, **(figures or {})})
