"""Runs compared on the same test images."""

import pandas as pd
import pytest

from src.errors import InputError
from src.statistics.head_to_head import (
    aligned_tests,
    differences,
    disagreements,
    paired_difference,
    pooled,
    ranking,
)
from src.statistics.result_tables import comparison_report
from tests.statistics.samples import table_of


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
    assert "good and same are not told apart" in report


def test_several_comparisons_are_corrected(tables):
    # Seven images that only one of them has wrong: p = 2 / 2 ** 7.
    labels = [0, 1] * 20
    right = [0.1, 0.9] * 20
    other = table_of(labels, [0.9 if i % 4 == 0 and i < 28 else p for i, p in enumerate(right)])
    alone = differences(aligned_tests({"good": table_of(labels, right), "bad": other}))
    assert alone.p_holm.item() == alone.p_value.item() == pytest.approx(2 / 2**7)
    same = {f"good {number}": table_of(labels, right) for number in range(4)}
    among = differences(aligned_tests({**same, "bad": other}))
    assert among.p_value.min() == pytest.approx(2 / 2**7)
    # Four pairs of ten are of the bad one.
    assert among.p_holm.min() == pytest.approx(10 * 2 / 2**7)
    report = comparison_report(ranking(aligned_tests({**same, "bad": other})), among)
    assert "good 0 and bad are not told apart" in report
    assert "p = 0.0156 (Holm: 0.156)" in report


def test_related_images_count_once(tables):
    def grouped(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(group=table.group // 20)

    good, bad = (aligned_tests(tables)[name] for name in ("good", "bad"))
    apart = paired_difference(good, bad)
    assert apart["p_value"] == pytest.approx(2 / 2**8)
    # Related in one table is related, whichever it is.
    for pair in ((grouped(good), bad), (good, grouped(bad)), (grouped(good), grouped(bad))):
        together = paired_difference(*pair)
        # Both groups hold images that only the bad one has wrong.
        assert together["p_value"] == pytest.approx(2 / 2**2)
        assert together["difference"] == apart["difference"]
        assert together["high"] - together["low"] > apart["high"] - apart["low"]


def test_disagreements_are_the_images_that_not_all_have_right(tables):
    found = disagreements(aligned_tests(tables))
    assert len(found) == 8
    assert set(found.label) == {1}
    assert found.good.to_numpy() == pytest.approx(0.9)
    assert found.bad.to_numpy() == pytest.approx(0.3)
    assert set(found.wrong) == {"bad"}
    assert disagreements(aligned_tests({"good": tables["good"], "same": tables["same"]})).empty


def test_disagreements_tell_the_verdicts_of_other_thresholds_than_a_half(tables):
    # As a threshold of 0.15 gives: both runs call every image alike by a threshold of 0.5.
    good = tables["good"]
    eager = good.assign(verdict=(good.probability >= 0.15).astype(int))
    found = disagreements(aligned_tests({"eager": eager, "good": good}))
    assert set(found.wrong) == {"eager"}
    assert found.eager.to_numpy() == pytest.approx(0.2)


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
