"""What the intervals and tests of src/statistics hold, on simulated errors of related images.

python -m benchmarks.statistics [--repeats 2000]; prints the tables of docs/evaluation.md.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from src.statistics.intervals import accuracy_interval
from src.statistics.paired_tests import SIGNIFICANT, difference_interval, sign_flip_test

Draw = Callable[[np.random.Generator, int], np.ndarray]

# By name, how the sizes of groups are drawn, given how many images there are about.
SIZES: dict[str, Draw] = {
    "1": lambda rng, images: np.ones(images, int),
    "1 to 7": lambda rng, images: rng.integers(1, 8, images // 4),
    "mostly 1": lambda rng, images: rng.choice(
        np.arange(1, 8), int(images / 1.6), p=[0.8, 0.08, 0.04, 0.03, 0.02, 0.02, 0.01]
    ),
    "1 to 30": lambda rng, images: np.concatenate(
        [rng.integers(1, 4, images // 4), rng.integers(5, 31, images // 35)]
    ),
    "7": lambda rng, images: np.full(images // 7, 7),
}
# How the errors of related images go together.
ALIKE = ("whole groups", "half of a group", "independent", "large groups")
RATES = ((0.0005, 0.0005), (0.0015, 0.0), (0.002, 0.0005), (0.005, 0.005), (0.01, 0.002))


@dataclass(frozen=True)
class Scenario:
    """Two classifiers on the same images.

    Attributes:
        images: about how many there are.
        sizes: of the groups, a name in `SIZES`.
        alike: a name in `ALIKE`. Groups are wrong as one; or half of the images of a group that is
            hit; or images by themselves; or groups as one, the larger the more often.
        first: the error rate of the first classifier.
        second: that of the second one.
    """

    images: int
    sizes: str
    alike: str
    first: float
    second: float


def simulate(scenario: Scenario, repeats: int, seed: int) -> pd.DataFrame:
    """Draw the scenario anew and compare each interval and test with the truth.

    Returns:
        One row a repeat, of bool: difference_below and difference_above (the true difference lies
        below or above its interval), accuracy_below and accuracy_above (the same of the first
        classifier's accuracy), rejected (by the sign-flip test over groups), and
        rejected_by_images (by the same test if each image were a group: McNemar's exact test).
    """
    rng = np.random.default_rng(seed)
    difference, accuracy = scenario.first - scenario.second, 1 - scenario.first
    rows = []
    for _ in range(repeats):
        sizes = SIZES[scenario.sizes](rng, scenario.images)
        groups = np.repeat(np.arange(len(sizes)), sizes)
        first, second = (
            ~drawn_errors(rng, sizes, scenario.alike, rate)
            for rate in (scenario.first, scenario.second)
        )
        low, high = difference_interval(first, second, groups)
        least, most = accuracy_interval(first, groups)
        alone = np.arange(len(groups))
        rows.append(
            {
                "difference_below": difference < low,
                "difference_above": difference > high,
                "accuracy_below": accuracy < least,
                "accuracy_above": accuracy > most,
                "rejected": sign_flip_test(first, second, groups) < SIGNIFICANT,
                "rejected_by_images": sign_flip_test(first, second, alone) < SIGNIFICANT,
            }
        )
    return pd.DataFrame(rows)


def drawn_errors(
    rng: np.random.Generator, sizes: np.ndarray, alike: str, rate: float
) -> np.ndarray:
    """(images,) bool: which images are wrong, at that rate in expectation."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    if alike == "whole groups":
        return (rng.random(len(sizes)) < rate)[groups]
    if alike == "half of a group":
        hit = (rng.random(len(sizes)) < 2 * rate)[groups]
        return hit & (rng.random(len(groups)) < 0.5)
    if alike == "independent":
        return rng.random(len(groups)) < rate
    weights = sizes * sizes.sum() / (sizes**2).sum()
    return (rng.random(len(sizes)) < rate * weights)[groups]


def scenarios(images: Sequence[int] = (500, 2000, 8000)) -> list[Scenario]:
    """All combinations of the above; single images have no groups that could be alike."""
    every = product(images, SIZES, ALIKE, RATES)
    return [
        Scenario(count, sizes, alike, *rates)
        for count, sizes, alike, rates in every
        if sizes != "1" or alike == "independent"
    ]


def coverage_table(repeats: int) -> pd.DataFrame:
    """By sizes of groups and how errors go together, the least coverage over counts and rates."""
    rows = []
    for seed, scenario in enumerate(scenarios()):
        shares = simulate(scenario, repeats, seed).mean()
        rows.append(
            {
                "groups of": scenario.sizes,
                "wrong are": scenario.alike,
                "difference covered": 1 - shares.difference_below - shares.difference_above,
                "difference above": shares.difference_above,
                "accuracy covered": 1 - shares.accuracy_below - shares.accuracy_above,
                "rejected": shares.rejected if scenario.first == scenario.second else 0.0,
                "rejected by images": (
                    shares.rejected_by_images if scenario.first == scenario.second else 0.0
                ),
            }
        )
    return (
        pd.DataFrame(rows)
        .groupby(["groups of", "wrong are"], sort=False)
        .agg(
            {
                "difference covered": ["min", "mean"],
                "difference above": "max",
                "accuracy covered": ["min", "mean"],
                "rejected": "max",
                "rejected by images": "max",
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description=__doc__)
    parser.add_argument("--repeats", type=int, default=2000, help="of each scenario")
    table = coverage_table(parser.parse_args().repeats)
    print(
        "| groups of | wrong are | difference covered: least, mean | difference above: most "
        "| accuracy covered: least, mean | test rejects: most | over images: most |\n"
        "|---|---|---|---|---|---|---|"
    )
    for names, least, mean, above, accuracy_least, accuracy_mean, rejected, naive in zip(
        table.index, *(table[column] for column in table), strict=True
    ):
        print(
            f"| {' | '.join(names)} | {least:.3f}, {mean:.3f} | {above:.3f} "
            f"| {accuracy_least:.3f}, {accuracy_mean:.3f} | {rejected:.3f} | {naive:.3f} |"
        )


if __name__ == "__main__":
    main()
