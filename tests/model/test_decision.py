"""The decision is what was written, or it is refused."""

import pytest

from src.errors import InputError
from src.model.decision import (
    DECISION,
    Decision,
    overridden,
    read_decision,
    undecided,
)

MADE = Decision(
    weights="a" * 64,
    classes=["Negative", "Positive"],
    flips=True,
    temperature=1.7,
    threshold=0.125,
    scales=[1.0, 0.5],
    engine="openvino",
    precision="f32",
    calibrated=True,
)


def test_a_decision_is_read_back_as_it_was_written(tmp_path):
    (tmp_path / DECISION).write_text(MADE.model_dump_json(), encoding="utf-8")
    assert read_decision(tmp_path / DECISION) == MADE


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "[]",
        "{}",
        MADE.model_dump_json().replace("1.7", "-1"),
        MADE.model_dump_json().replace("1.7", "Infinity"),
        MADE.model_dump_json().replace("0.125", "1.5"),
        MADE.model_dump_json().replace('"flips":true', '"flips":true,"flop":true'),
        MADE.model_dump_json()[:-5],
    ],
)
def test_a_damaged_decision_is_named(tmp_path, damaged):
    path = tmp_path / DECISION
    path.write_text(damaged, encoding="utf-8")
    with pytest.raises(InputError, match=r"decision\.json is not a decision"):
        read_decision(path)


def test_a_missing_decision_is_named(tmp_path):
    with pytest.raises(InputError, match=r"decision\.json is not a decision"):
        read_decision(tmp_path / DECISION)


def test_what_a_user_gives_replaces_the_decision_and_is_named():
    given = {"threshold": 0.5, "flips": None, "scales": [1.0, 0.5], "temperature": 1.7}
    applies, deviations = overridden(MADE, given)
    assert deviations == {"threshold": 0.5}
    assert applies == MADE.model_copy(update={"threshold": 0.5})


def test_a_model_without_a_decision_is_uncalibrated():
    decision = undecided("b" * 64, "openvino", "bf16")
    assert not decision.calibrated
    assert (decision.temperature, decision.threshold) == (1.0, 0.5)


def test_names_of_classes_may_have_spaces():
    made = undecided("a" * 64, "openvino", "f32").model_dump()
    named = Decision.model_validate(made | {"classes": ["kein Riss", "mit Riss"]})
    assert Decision.model_validate_json(named.model_dump_json()).classes == [
        "kein Riss",
        "mit Riss",
    ]
