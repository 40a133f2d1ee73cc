"""The decision: the settings that turn a classifier's outputs into a verdict on an image.

A training run makes the decision and stores it as decision.json. Evaluation, comparison, promotion,
prediction, serving and exports read it. All of them therefore give an image the same verdict.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from src.config.section import ClassName, Scale, Section, Sha256
from src.data.vouching import TRAINING_NOTE, refuse_changed
from src.errors import InputError
from src.model.photo_rule import PhotoRule

DECISION = "decision.json"


class Decision(Section):
    """The settings that turn a classifier's outputs into a verdict.

    Attributes:
        weights: SHA-256 (hex) of the float32 bytes of the classifier's tensors.
        classes: the names of the two classes; the second one is that of cracks.
        flips: whether the probabilities of the image and its three mirror images are averaged.
        temperature: divisor of the log-odds, above 0 (temperature scaling, Guo et al. 2017,
            arXiv:1706.04599).
        threshold: the calibrated probability, 0 to 1, at and above which an image is cracked.
        scales: factors by which the image is resized. If there are several, the highest
            probability counts.
        engine: the library that computes the probabilities, openvino or tensorflow.
        precision: the precision of the engine's arithmetic: bf16, f16 or f32.
        calibrated: whether validation images have determined the temperature.
        photographs: the rule by which photographs of more than one tile are judged. None: the
            likeliest tile decides.
    """

    weights: Sha256
    classes: Annotated[list[ClassName], Field(min_length=2, max_length=2)]
    flips: bool
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    threshold: Annotated[float, Field(ge=0, le=1)]
    scales: Annotated[list[Scale], Field(min_length=1)]
    engine: Literal["openvino", "tensorflow"]
    precision: Literal["bf16", "f16", "f32"]
    calibrated: bool
    photographs: PhotoRule | None = None


def overridden(
    decision: Decision, given: Mapping[str, object]
) -> tuple[Decision, dict[str, object]]:
    """Replace some of a decision's settings by those that a user has given.

    Args:
        decision: the model's decision.
        given: settings by the names of the decision's attributes. None keeps the decision's value.

    Returns:
        The decision that applies, and the given settings that differ from the model's decision.
    """
    own = decision.model_dump()
    rule = decision.photographs
    if rule is not None:
        # A photograph has a threshold of its own, and that is the one a user sees and means.
        own["threshold"] = rule.threshold
    deviations = {
        key: value for key, value in given.items() if value is not None and value != own[key]
    }
    threshold = given.get("threshold")
    if threshold is not None and threshold != decision.threshold:
        # It holds for photographs of the size of a patch, too.
        deviations["threshold"] = threshold
    applied = decision.model_dump() | deviations
    if rule is not None and "threshold" in deviations:
        applied["photographs"] |= {"threshold": deviations["threshold"]}
    return Decision.model_validate(applied), deviations


def read_decision(path: Path) -> Decision:
    """Read a decision from the JSON file `path`.

    Raises:
        InputError: the file does not exist, does not hold a decision, or has changed since the
            training wrote it.
    """
    refuse_changed(path, TRAINING_NOTE)
    try:
        return Decision.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a decision of a trained model: {error}") from error


def refuse_other_model(decision: Decision, weights: str, model: str) -> None:
    """Refuse a model whose weights are not those that a decision was made for.

    Args:
        decision: the decision that belongs to the model.
        weights: SHA-256 (hex) of the model's weights.
        model: the model's name for the message.

    Raises:
        InputError: the model was damaged or replaced, or the decision is another model's.
    """
    if decision.weights != weights:
        raise InputError(
            f"{model} and its {DECISION} do not belong together: the model has weights "
            f"{weights[:12]}, and the decision was made for {decision.weights[:12]}; one of them "
            "was damaged or replaced, so train or export again"
        )


def undecided(weights: str, engine: str, precision: str) -> Decision:
    """Make the decision of a classifier that comes without one.

    It is not calibrated, and an image is cracked at a probability of 0.5 and above.

    Args:
        weights: see `Decision`.
        engine: see `Decision`.
        precision: see `Decision`.
    """
    return Decision.model_validate(
        {
            "weights": weights,
            "classes": ["Negative", "Positive"],
            "flips": False,
            "temperature": 1.0,
            "threshold": 0.5,
            "scales": [1.0],
            "engine": engine,
            "precision": precision,
            "calibrated": False,
        }
    )
