"""Whether 95 % intervals cover and 5 % tests reject as often as they say, by simulation.

The scenarios are those of benchmarks/statistics.py: up to 1 % of the images are wrong, and related
images, 1 to 30 of them, are wrong together, partly so, or by themselves.
"""

import numpy as np
import pytest

from benchmarks.statistics import Scenario, scenarios, simulate

# Three standard errors of a share of 0.05 in so many repeats.
REPEATS = 300
SLACK = 3 * np.sqrt(0.05 * 0.95 / REPEATS)
FEW = [
    Scenario(8000, "1", "independent", 0.0015, 0.0),
    Scenario(2000, "1", "independent", 0.0015, 0.0),
    Scenario(500, "1", "independent", 0.0005, 0.0005),
    Scenario(8000, "1 to 7", "whole groups", 0.005, 0.005),
    Scenario(2000, "1 to 7", "whole groups", 0.0015, 0.0),
    Scenario(2000, "mostly 1", "half of a group", 0.01, 0.002),
    Scenario(8000, "7", "whole groups", 0.002, 0.0005),
    Scenario(500, "7", "large groups", 0.01, 0.002),
]
# Of a 95 % interval, in 300 repeats.
LEAST, LEAST_OF_HARD = 0.9, 0.5
# The hardest ones: few large groups among many small ones are wrong as a whole.
HARD = {("mostly 1", "large groups"), ("1 to 30", "large groups"), ("1 to 30", "whole groups")}


def check(scenario: Scenario, repeats: int, slack: float) -> None:
    shares = simulate(scenario, repeats, seed=1).mean()
    hard = (scenario.sizes, scenario.alike) in HARD
    least = LEAST_OF_HARD if hard else LEAST
    assert 1 - shares.difference_below - shares.difference_above >= least
    assert 1 - shares.accuracy_below - shares.accuracy_above >= least
    if not hard:
        assert shares.difference_above <= 0.025 + slack
    if scenario.first == scenario.second:
        assert shares.rejected <= 0.05 + slack


@pytest.mark.slow
@pytest.mark.parametrize("scenario", FEW, ids=str)
def test_intervals_cover_and_the_test_keeps_its_level(scenario):
    check(scenario, REPEATS, SLACK)


def test_a_test_over_images_rejects_too_often():
    """So the simulation can tell a test that does not keep its level."""
    pairs = Scenario(8000, "7", "whole groups", 0.005, 0.005)
    shares = simulate(pairs, REPEATS, seed=1).mean()
    assert shares.rejected_by_images > 0.3
    assert shares.rejected <= 0.05 + SLACK


@pytest.mark.slow
@pytest.mark.parametrize("scenario", scenarios(images=(500, 4000)), ids=str)
def test_intervals_cover_everywhere(scenario):
    check(scenario, REPEATS, SLACK)
