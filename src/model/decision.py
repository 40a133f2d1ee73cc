"""What turns an image into a verdict: one small frozen thing.

Training makes it and its run keeps it as decision.json. Evaluation, comparison, promotion,
src.predict, serving and exports read it, so that all of them give an image the same verdict.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from src.config.schema import Name, Scale, Section, Sha256
from src.data.files import write_text
from src.errors import InputError

DECISION = "decision.json"


class Decision(Section):
    """How a classifier's outputs become a verdict.

    Attributes:
        weights: SHA-256 (hex) over the float32 bytes of the classifier's tensors.
        classes: the names of the classes, that of cracks second.
        flips: whether the probabilities of the image and its three mirror images are averaged.
        temperature: the log-odds are divided by it (Guo et al. 2017).
        threshold: the calibrated probability from which an image is cracked, 0 to 1.
        scales: how many times its size an image is looked at; of several, the highest probability
            counts.
        engine: what computes the probabilities.
        precision: of its arithmetic.
        calibrated: whether temperature and threshold were chosen on validation images.
    """

    weights: Sha256
    classes: Annotated[list[Name], Field(min_length=2, max_length=2)]
    flips: bool
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    threshold: Annotated[float, Field(ge=0, le=1)]
    scales: Annotated[list[Scale], Field(min_length=1)]
    engine: Literal["openvino", "tensorflow"]
    precision: Literal["bf16", "f16", "f32"]
    calibrated: bool


def overridden(
    decision: Decision, given: Mapping[str, object]
) -> tuple[Decision, dict[str, object]]:
    """The decision with a user's own settings in place of its own.

    Args:
        decision: of the model.
        given: settings by the names of the decision's attributes; None leaves the decision's.

    Returns:
        The decision that applies, and what it deviates in: the settings given that differ.
    """
    own = decision.model_dump()
    deviations = {
        key: value for key, value in given.items() if value is not None and value != own[key]
    }
    return Decision.model_validate(own | deviations), deviations


def write_decision(decision: Decision, path: Path) -> None:
    """Write the decision as JSON."""
    write_text(path, decision.model_dump_json(indent=2) + "\n")


def read_decision(path: Path) -> Decision:
    """Read a decision.

    Raises:
        InputError: there is no such file, or it is not a decision.
    """
    try:
        return Decision.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a decision of a trained model: {error}") from error


def undecided(weights: str, engine: str, precision: str) -> Decision:
    """The decision of a classifier that comes without one: uncalibrated, cracked from 0.5 on."""
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
