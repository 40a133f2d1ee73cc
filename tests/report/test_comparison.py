"""Paired comparison against the textbook's and against brute force."""

from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.errors import InputError
from src.statistics.head_to_head import aligned_tests, differences, disagreements, pooled, ranking
from src.statistics.paired_tests import difference_interval, mcnemar
from src.statistics.result_tables import comparison_report
from tests.report.samples import table_of

outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


def as_arrays(pairs) -> tuple[np.ndarray, np.ndarray]:
    return np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])


@given(outcomes)
def test_mcnemar_is_the_two_sided_binomial_test(pairs):
    first, second = as_arrays(pairs)
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    tail = sum(comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    assert mcnemar(first, second) == pytest.approx(min(1, 2 * tail))
    assert mcnemar(first, second) == mcnemar(second, first)


@given(outcomes)
def test_interval_holds_the_difference_and_agrees_with_the_test(pairs):
    first, second = as_arrays(pairs)
    low, high = difference_interval(first, second)
    difference = second.mean() - first.mean()
    assert low - 1e-12 <= difference <= high + 1e-12
    significant = mcnemar(first, second) < 0.05
    assert significant == (low > 0 or high < 0)
    assert difference_interval(second, first) == pytest.approx((-high, -low))


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    labels = [0, 0, 1, 1] * 10
    return {
        "good": table_of(labels, [0.1, 0.2, 0.8, 0.9] * 10),
        "bad": table_of(labels, [0.1, 0.2, 0.8, 0.3] * 8 + [0.1, 0.2, 0.8, 0.9] * 2),
        "same": table_of(labels, [0.2, 0.2, 0.7, 0.9] * 10),
    }


def test_runs_are_ranked_and_told_apart(tables):
    tests = aligned_tests(tables)
    assert ranking(tests)[["run", "errors"]].to_numpy().tolist() == [
        ["good", 0],
        ["same", 0],
        ["bad", 8],
    ]
    pairs = differences(tests).set_index(["first", "second"])
    bad = pairs.loc[("good", "bad")]
    assert (bad.only_first_wrong, bad.only_second_wrong) == (0, 8)
    assert bad.difference == pytest.approx(-0.2)
    assert bad.p_value == pytest.approx(2 / 2**8)
    assert pairs.loc[("good", "same")].p_value == 1
    report = comparison_report(ranking(tests), differences(tests))
    assert "good and bad differ" in report
    assert "good and same can't be told apart" in report


def test_disagreements_are_the_images_that_not_all_have_right(tables):
    found = disagreements(aligned_tests(tables))
    assert len(found) == 8
    assert set(found.label) == {1}
    assert found.good.to_numpy() == pytest.approx(0.9)
    assert found.bad.to_numpy() == pytest.approx(0.3)


def test_order_of_the_images_does_not_matter(tables):
    shuffled = {"bad": tables["bad"].sample(frac=1, random_state=0), "good": tables["good"]}
    found = differences(aligned_tests(shuffled)).iloc[0]
    assert (found.only_first_wrong, found.only_second_wrong) == (8, 0)


def test_folds_count_as_one(tables):
    good = tables["good"]
    folds = [good.iloc[:12], good.iloc[12:]]
    whole = pooled([*folds, good.assign(part="validation")])
    assert differences(aligned_tests({"good": good, "folds": whole})).p_value.item() == 1
    with pytest.raises(InputError, match=r"12 images, such as 0\.jpg, are tested by several"):
        pooled([*folds, good.iloc[:12]])


def test_other_images_or_labels_are_refused(tables):
    other = tables["good"].assign(path=[f"other{i}.jpg" for i in range(40)])
    with pytest.raises(
        InputError, match=r"good and other can't be compared: .* 0 of them in common"
    ):
        aligned_tests({"good": tables["good"], "other": other})
    relabelled = tables["good"].assign(label=1 - tables["good"].label)
    with pytest.raises(InputError, match="40 of them in common"):
        aligned_tests({"good": tables["good"], "relabelled": relabelled})
