"""Features that tell a crack from a joint."""

import numpy as np
import pytest
from PIL import Image

from src.photos.photo_findings import candidates_on
from tests.photos.lines import HEIGHT, WIDTH, line_picture, wave
from tests.photos.test_photo_findings import PATCH, evidence_at
from tests.photos.test_regions import scores_of


def jagged() -> np.ndarray:
    steps = np.random.default_rng(4).normal(0, 12, 51)
    x = np.arange(50.0, 550.0)
    return np.stack([x, 200 + np.interp(x, np.linspace(50, 550, 51), steps)], axis=1)


def straight(y: float = 200.0) -> np.ndarray:
    return np.stack([np.arange(0.0, WIDTH), np.full(WIDTH, y)], axis=1)


def described(picture: Image.Image, *lines: np.ndarray) -> dict[str, np.ndarray]:
    scores = [scores_of(evidence_at(*lines))]
    return candidates_on(picture, scores, 0.2, PATCH).features


def one(*lines: np.ndarray, width: float = 4.0) -> dict[str, float]:
    features = described(line_picture(*((line, width) for line in lines)), *lines)
    return {name: float(values[0]) for name, values in features.items()}


def test_a_joint_is_straight_and_goes_across_and_a_crack_is_jagged():
    joint, crack = one(straight()), one(jagged())
    assert joint["straight"] > 0.99 > crack["straight"]
    assert joint["bend"] < 0.5 < 1 < crack["bend"]
    assert joint["jagged"] < crack["jagged"] / 2
    assert joint["across"] > crack["across"] + 0.02


def test_neighbours_that_run_the_same_way_count():
    alone, among = one(straight(60)), one(straight(60), straight(200), straight(340))
    assert alone["parallel"] == 0
    assert among["parallel"] == pytest.approx(np.log(3), abs=0.15)


def test_a_grid_has_two_directions_at_right_angles():
    down = np.stack([np.full(HEIGHT, 300.0), np.arange(0.0, HEIGHT)], axis=1)
    cross, line = one(straight(), down), one(straight())
    assert cross["fourfold"] > 0.9
    assert cross["twofold"] < 0.6 < 0.9 < line["twofold"]
    assert cross["branches"] > line["branches"]


def test_width_and_depth_are_those_of_the_line():
    thin, wide = one(wave(), width=2.0), one(wave(), width=12.0)
    assert np.exp(thin["width"]) == pytest.approx(2, abs=0.9)
    assert np.exp(wide["width"]) == pytest.approx(12, abs=1)
    assert wide["depth"] == pytest.approx(0.75, abs=0.08)


def test_all_are_finite_even_where_there_is_nothing():
    blank = Image.new("RGB", (WIDTH, HEIGHT), (0, 0, 0))
    for picture in (blank, line_picture((wave(), 3.0))):
        features = described(picture, wave(y=80), wave(y=320))
        assert {values.shape for values in features.values()} == {(2,)}
        assert all(np.isfinite(values).all() for values in features.values())
    assert described(blank) == {}
