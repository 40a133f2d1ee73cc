"""Comparing runs on the same test images."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from src.data.related.groups import group_images
from src.errors import InputError
from src.statistics.intervals import accuracy_interval
from src.statistics.paired_tests import difference_interval, holm, sign_flip_test
from src.statistics.verdicts import by_verdict

Tests = dict[str, pd.DataFrame]


def pooled(folds: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join the test parts of the prediction tables of one cross-validation.

    Args:
        folds: the prediction table of each fold.

    Raises:
        InputError: an image is tested in two folds.
    """
    tests = pd.concat([table[table.part == "test"] for table in folds], ignore_index=True)
    twice = tests.path[tests.path.duplicated()]
    if len(twice):
        raise InputError(
            f"{len(twice)} images, such as {twice.iloc[0]}, are tested by several of the runs: "
            "folds of one cross-validation have the same split.seed and another split.fold each"
        )
    return tests


def aligned_tests(tables: Mapping[str, pd.DataFrame]) -> Tests:
    """Return the test parts of prediction tables, indexed by path and in the same order.

    If a table has the column `verdict`, an image is correct if its verdict is. Runs are thus
    compared by the answers that their models give when they are served.

    Args:
        tables: the prediction table of each run, by the run's name.

    Raises:
        InputError: the runs were tested on other images or labels.
    """
    tests = {
        name: by_verdict(table[table.part == "test"]).set_index("path").sort_index()
        for name, table in tables.items()
    }
    name, *others = tests
    for other in others:
        if not tests[other].label.equals(tests[name].label):
            shared = len(tests[other].index.intersection(tests[name].index))
            raise InputError(
                f"{name} and {other} can't be compared: their test parts have {len(tests[name])} "
                f"and {len(tests[other])} images, {shared} of them in common; runs of the same "
                "data, split strategy, split seed and fold have the same test part"
            )
    return tests


def ranking(tests: Tests) -> pd.DataFrame:
    """Rank runs by their errors, and by their losses if the errors are equal.

    Args:
        tests: see `aligned_tests`.

    Returns:
        A table of the runs, the best first. The columns are `run`, `errors`, `images`, `accuracy`
        with its 95 % interval over groups (`accuracy_low`, `accuracy_high`), and `loss`.
    """
    rows = []
    for name, test in tests.items():
        images, right = len(test), int(test.correct.sum())
        low, high = accuracy_interval(test.correct.to_numpy(), test.group.to_numpy())
        rows.append(
            {
                "run": name,
                "errors": images - right,
                "images": images,
                "accuracy": right / images,
                "accuracy_low": low,
                "accuracy_high": high,
                "loss": test.loss.mean(),
            }
        )
    return pd.DataFrame(rows).sort_values(["errors", "loss"], ignore_index=True)


def differences(tests: Tests) -> pd.DataFrame:
    """Compare each pair of runs.

    Args:
        tests: see `aligned_tests`; at least two runs.

    Returns:
        A table with the names `first` and `second` and the results of `paired_difference`. The
        column `p_holm` has the p-value corrected for the number of pairs.
    """
    pairs = list(combinations(tests, 2))
    rows = [
        {"first": first, "second": second, **paired_difference(tests[first], tests[second])}
        for first, second in pairs
    ]
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table.p_value.to_list()))


def paired_difference(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, float]:
    """Test whether one of two classifiers makes more errors on the same images.

    Args:
        first: the prediction table of the first classifier.
        second: the second classifier's table of the same images, in the same order.

    Returns:
        `only_first_wrong` and `only_second_wrong` are numbers of images. `difference` is the first
        error rate minus the second. `low` and `high` are its 95 % interval over groups. `p_value`
        is that of the sign-flip test over groups.
    """
    one, other = first.correct.to_numpy(bool), second.correct.to_numpy(bool)
    groups = _joined_groups(first.group.to_numpy(), second.group.to_numpy())
    low, high = difference_interval(one, other, groups)
    return {
        "only_first_wrong": int((~one & other).sum()),
        "only_second_wrong": int((one & ~other).sum()),
        "difference": float(np.mean(other) - np.mean(one)),
        "low": low,
        "high": high,
        "p_value": sign_flip_test(one, other, groups),
    }


def _joined_groups(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return groups (n,) of the images that are related in either table.

    The tables may come from different audits and have different groups.
    """
    rows = pd.Series(np.arange(len(first)))
    links = [
        pd.DataFrame({"left": rows.groupby(g).transform("first"), "right": rows})
        for g in (first, second)
    ]
    return group_images(len(rows), pd.concat(links))


def disagreements(tests: Tests) -> pd.DataFrame:
    """Find the images that some runs predict correctly and other runs do not.

    Args:
        tests: see `aligned_tests`.

    Returns:
        A table with `path`, `label`, `wrong` and a column for each run, which has its probability
        of Positive, not calibrated. `wrong` names the runs whose verdict is wrong, because the
        probabilities do not tell it: each run has its own threshold. The images with the largest
        differences of probabilities come first.
    """
    right = pd.DataFrame({name: test.correct for name, test in tests.items()})
    chosen = right.index[right.nunique(axis=1) > 1]
    probability = pd.DataFrame({name: t.probability[chosen] for name, t in tests.items()})
    apart = (probability.max(axis=1) - probability.min(axis=1)).sort_values(ascending=False)
    label = next(iter(tests.values())).label[chosen]
    names = [", ".join(right.columns[~row]) for row in right.loc[chosen].to_numpy(bool)]
    wrong = pd.Series(names, chosen, name="wrong", dtype=str)
    table = pd.concat([label, wrong, probability], axis=1).loc[apart.index]
    return table.rename_axis("path").reset_index()
