"""Findings on a drawn photo whose scores are made from the mask of its crack."""

import numpy as np
import pytest
from PIL import Image

from src.model.decision import undecided
from src.photos.photo_findings import findings_on
from tests.photos.lines import HEIGHT, WIDTH, line_picture, wave
from tests.photos.test_regions import scores_of

PATCH = 96


@pytest.fixture(scope="module")
def decision():
    return undecided("a" * 64, "openvino", "f32")


def evidence_at(*lines: np.ndarray) -> np.ndarray:
    """The evidence of a network that sees just these lines."""
    evidence = np.full((HEIGHT // 32, WIDTH // 32), -4.0)
    for line in lines:
        rows, columns = (
            np.clip(line[:, axis] // 32, 0, count - 1).astype(int)
            for axis, count in ((1, len(evidence)), (0, evidence.shape[1]))
        )
        evidence[rows, columns] = 40
    return evidence


def test_a_region_has_the_measures_of_its_crack(decision):
    line = wave()
    picture = line_picture((line, 6.0))
    (region,) = findings_on(picture, [scores_of(evidence_at(line))], decision, PATCH).regions
    assert region.crack is not None
    assert region.crack.length == pytest.approx(520, rel=0.08)
    assert region.crack.mean_width == pytest.approx(6, abs=0.8)
    assert min(region.crack.direction, 180 - region.crack.direction) < 5


def test_the_widest_crack_comes_first(decision):
    upper, lower = wave(y=80), wave(y=320)
    picture = line_picture((upper, 3.0), (lower, 9.0))
    evidence = evidence_at(lower) + 2 * evidence_at(upper)
    found = findings_on(picture, [scores_of(evidence)], decision, PATCH)
    assert [region.box[1] > HEIGHT / 2 for region in found.regions] == [True, False]


def test_a_wide_crack_is_one_line_and_not_its_two_edges(decision):
    line = wave()
    picture = line_picture((line, 30.0))
    (region,) = findings_on(picture, [scores_of(evidence_at(line))], decision, PATCH).regions
    assert region.crack is not None
    assert region.crack.length == pytest.approx(540, rel=0.15)
    assert region.crack.mean_width == pytest.approx(30, abs=4)


def test_a_region_without_a_dark_line_is_not_measured(decision):
    picture = Image.new("RGB", (WIDTH, HEIGHT), (150, 150, 150))
    (region,) = findings_on(picture, [scores_of(evidence_at(wave()))], decision, PATCH).regions
    assert region.crack is None
