"""How a sweep's settings compare with the best of them."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from src.config.schema import Evaluate
from src.statistics.run_metrics import evaluate_folds
from src.sweeps.ranking import (
    Candidate,
    markdown_table,
    ranked,
    ranking_table,
    text_table,
    validated_alike,
)
from tests.statistics.samples import table_of

SETTINGS = Evaluate(
    bins=5,
    resamples=100,
    margin=0.001,
    missed_crack=10.0,
    false_alarm=1.0,
    suspect=0.05,
    seed=0,
    run=None,
)
IMAGES = 4000
MARGIN = 0.004


def candidate(name: str, wrong: range, loss: float = 0.1, images: str = "a") -> Candidate:
    """One run that has these images wrong, with about this validation loss."""
    labels = [i % 2 for i in range(IMAGES)]
    right = np.array(labels, float)
    sure = np.exp(-loss)
    validation = table_of(labels, np.where(right == 1, sure, 1 - sure).tolist(), "validation")
    right[list(wrong)] = 1 - right[list(wrong)]
    table = pd.concat([validation, table_of(labels, (0.1 + 0.8 * right).tolist())])
    metrics = evaluate_folds([table], SETTINGS, [0.5])
    return Candidate(name, {"lr": loss}, [table], metrics, 60.0, name, frozenset(images), 0)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    candidates = [
        candidate("much worse", range(90), 0.5),
        candidate("a bit worse", range(7), 0.4),
        candidate("alike", range(1), 0.3),
        candidate("elsewhere", range(1), 0.2, images="b"),
        candidate("best", range(0), 0.1),
    ]
    return ranking_table(ranked(candidates), MARGIN)


def test_best_has_the_least_validation_loss_and_no_comparison(table):
    assert table.name.tolist() == ["best", "elsewhere", "alike", "a bit worse", "much worse"]
    compared = ["difference", "difference_low", "difference_high", "p_value", "p_holm"]
    assert table.loc[:1, [*compared, "told_apart", "within_margin"]].isna().all(axis=None)


def test_losses_are_comparable_on_the_same_validation_images_alone():
    best, other = candidate("best", range(0), 0.1), candidate("other", range(9), 0.2)
    assert validated_alike([best, other])
    # As another seed draws them: other images of the same names.
    assert not validated_alike([best, other, candidate("elsewhere", range(1), images="b")])
    # As another seed splits them.
    (table,) = other.folds
    assert not validated_alike([best, replace(other, folds=[table[table.path != "0.jpg"]])])


def test_errors_are_those_of_the_verdicts_as_in_the_comparison():
    best, other = candidate("best", range(0), 0.1), candidate("other", range(9), 0.2)
    # As a threshold above 0.9 gives: every image is called crack-free.
    (table,) = other.folds
    strict = replace(other, folds=[table.assign(verdict=0)])
    row = ranking_table(ranked([best, strict]), MARGIN).iloc[1]
    assert row.test_errors == IMAGES / 2
    assert row.test_accuracy == 0.5
    assert row.test_low < 0.5 < row.test_high
    assert row.difference == pytest.approx(0.5)


def test_p_values_are_corrected_for_their_number(table):
    p_values = [2 / 2**1, 2 / 2**7, 2 / 2**90]
    assert table.p_value[2:].tolist() == pytest.approx(p_values)
    # Three comparisons: the least times three, the next times two.
    assert table.p_holm[2:].tolist() == pytest.approx([1, 2 * 2 / 2**7, 3 * 2 / 2**90])
    assert table.told_apart[2:].tolist() == [False, True, True]


def test_correction_keeps_settings_together_that_one_test_would_tell_apart():
    others = [candidate(f"other {n}", range(7), 0.2 + n / 100) for n in range(4)]
    found = ranking_table(ranked([candidate("best", range(0)), *others]), MARGIN)
    assert (found.p_value[1:] < 0.05).all()
    assert not found.told_apart[1:].any()


def test_difference_is_to_the_best_with_its_interval(table):
    assert table.difference[2:].tolist() == pytest.approx([1 / IMAGES, 7 / IMAGES, 90 / IMAGES])
    assert (table.difference_low < table.difference)[2:].all()
    assert (table.difference < table.difference_high)[2:].all()


def test_within_the_margin_is_by_the_whole_interval(table):
    # The interval of 7 more of 4,000 ends at 0.36 points, that of 90 more far beyond.
    assert table.within_margin[2:].tolist() == [True, True, False]
    closer = ranking_table(
        ranked([candidate("best", range(0)), candidate("worse", range(7), 0.4)]), 0.0035
    )
    assert closer.difference[1] < 0.0035 < closer.difference_high[1]
    assert closer.within_margin.tolist()[1] is False


def test_a_margin_bounds_both_directions():
    fewer = ranking_table(
        ranked([candidate("best", range(90), 0.1), candidate("other", range(0), 0.4)]), MARGIN
    )
    assert fewer.difference[1] == pytest.approx(-90 / IMAGES)
    assert fewer.within_margin.tolist()[1] is False
    assert "fewer errors than the best |" in markdown_table(fewer)


def test_markdown_says_what_is_known(table):
    # As it is read back from ranking.csv, too.
    for read in (table, pd.read_csv(StringIO(table.to_csv(index=False)))):
        told = [line.split(" | ")[-1] for line in markdown_table(read).splitlines()[2:]]
        assert told == [
            "the best |",
            "other images |",
            "not told apart, within the margin |",
            "more errors than the best, within the margin |",
            "more errors than the best |",
        ]


def test_single_candidate_is_the_best():
    only = ranking_table([candidate("only", range(3))], MARGIN)
    assert markdown_table(only).splitlines()[-1].endswith("| – | – | the best |")


def test_a_narrow_terminal_has_the_columns_that_decide(table):
    wide = text_table(table, 1000)
    narrow = text_table(table, 100)
    assert max(map(len, narrow.splitlines())) <= 100 < max(map(len, wide.splitlines()))
    for column in ("loss", "errors", "not told apart"):
        assert column in narrow
    assert "minutes" in wide
    assert "minutes" not in narrow
    # What has no room is left out, and nothing more.
    assert text_table(table, 1) == text_table(table, 40)
