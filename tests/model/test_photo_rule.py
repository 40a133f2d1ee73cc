"""Rules as plain numbers: what they compute, and how a decision keeps them."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import expit

from src.errors import InputError
from src.model.decision import overridden, read_decision, undecided
from src.model.photo_rule import FARTHEST, LogisticRule
from tests.photos.rules import on_feature, photo_rule


def test_the_probability_is_that_of_the_features_and_their_squares():
    rule = LogisticRule(
        features=["b", "a"],
        centre=[1.0, 0.0],
        spread=[2.0, 1.0],
        weights=[0.5, -1.0, 0.25, 0.0],
        intercept=0.1,
    )
    values = {"a": np.array([0.3, -2.0]), "b": np.array([2.0, 5.0]), "other": np.zeros(2)}
    scaled = (values["b"] - 1) / 2
    expected = expit(0.1 + 0.5 * scaled - values["a"] + 0.25 * scaled**2)
    assert rule.probability(values) == pytest.approx(expected)


def test_what_lies_far_off_counts_no_more_than_the_farthest():
    rule = on_feature("x")
    near, far = rule.probability({"x": np.array([FARTHEST, 1e9])})
    assert near == far == pytest.approx(expit(FARTHEST))


def test_numbers_that_do_not_fit_together_are_refused():
    numbers = on_feature("x").model_dump() | {"weights": [1.0]}
    with pytest.raises(ValidationError, match="2 numbers a feature"):
        LogisticRule.model_validate(numbers)


@pytest.fixture
def decision():
    return undecided("a" * 64, "openvino", "f32").model_copy(update={"photographs": photo_rule()})


def test_a_decision_is_read_as_it_was_written(decision, tmp_path):
    file = tmp_path / "decision.json"
    file.write_text(decision.model_dump_json(), encoding="utf-8")
    assert read_decision(file) == decision


def test_an_older_decision_has_no_rule_and_a_damaged_rule_is_refused(decision, tmp_path):
    file = tmp_path / "decision.json"
    file.write_text(decision.model_dump_json(exclude={"photographs"}), encoding="utf-8")
    assert read_decision(file).photographs is None
    file.write_text(decision.model_dump_json().replace('"spread":[1.0]', '"spread":[0.0]'), "utf-8")
    with pytest.raises(InputError, match="decision"):
        read_decision(file)


def test_a_given_threshold_is_that_of_photographs_too(decision):
    applied, deviations = overridden(decision, {"threshold": 0.8})
    assert deviations == {"threshold": 0.8}
    assert applied.photographs is not None
    assert (applied.threshold, applied.photographs.threshold) == (0.8, 0.8)
    # The patches' threshold is 0.5. The photographs' is another, so 0.5 is a deviation.
    other = decision.model_copy(update={"photographs": photo_rule(threshold=0.3)})
    applied, deviations = overridden(other, {"threshold": 0.5})
    assert deviations == {"threshold": 0.5}
    assert applied.photographs is not None
    assert applied.photographs.threshold == 0.5
    # The photographs' own threshold, too, is given for patches, which have another.
    applied, deviations = overridden(other, {"threshold": 0.3})
    assert (applied.threshold, deviations) == (0.3, {"threshold": 0.3})
    assert overridden(other, {"threshold": None}) == (other, {})
    assert overridden(decision, {"threshold": 0.5}) == (decision, {})
