"""Length, width and direction of lines whose own are known."""

import numpy as np
import pytest
from PIL import Image

from src.photos.centre_lines import length_of
from src.photos.crack_measures import direction_of, measured, profiles_across
from tests.photos.lines import line_picture, wave


@pytest.mark.parametrize("width", [1.0, 2.0, 3.5, 7.0, 15.0, 28.0])
@pytest.mark.parametrize("rise", [0.0, 0.25])
def test_the_width_is_found_within_a_pixel(width, rise):
    line = wave(rise)
    found = measured([line], profiles_across(line_picture((line, width)), [line]))
    assert found.mean_width == pytest.approx(width, abs=0.9)
    assert found.max_width == pytest.approx(width, abs=1.5)
    assert found.length == pytest.approx(length_of(line))


def test_the_largest_width_is_that_of_the_widest_place():
    line = wave()
    thin, wide = (line, 3.0), (line[200:300], 14.0)
    found = measured([line], profiles_across(line_picture(thin, wide), [line]))
    assert found.max_width == pytest.approx(14, abs=1.5)
    assert 4 < found.mean_width < 8


def test_a_parallel_line_does_not_widen_a_crack():
    line = wave()
    picture = line_picture((line, 4.0), (wave(y=218), 4.0))
    assert measured([line], profiles_across(picture, [line])).mean_width == pytest.approx(4, abs=1)


def test_a_shadow_edge_along_the_crack_does_not_change_its_width():
    line = wave()
    pixels = np.asarray(line_picture((line, 6.0))).copy()
    pixels[208:] = pixels[208:] // 2
    found = measured([line], profiles_across(Image.fromarray(pixels), [line]))
    assert found.mean_width == pytest.approx(6, abs=3)


@pytest.mark.parametrize(
    ("end", "degrees"), [((9, 0), 0), ((0, 9), 90), ((9, -9), 45), ((9, 9), 135), ((-9, 0), 0)]
)
def test_directions(end, degrees):
    line = np.linspace((0, 0), end, 10)
    # 0 and 180 degrees are the same direction.
    assert 0 <= direction_of([line]) <= 180
    assert np.sin(np.radians(direction_of([line]) - degrees)) == pytest.approx(0, abs=1e-9)


def test_the_simplified_line_stays_near_the_line():
    line = wave()
    found = measured([line], profiles_across(line_picture((line, 4.0)), [line]))
    (simple,) = found.centre_line
    assert len(simple) < len(line) / 5
    y = np.interp(line[:, 0], simple[:, 0], simple[:, 1])
    assert np.abs(y - line[:, 1]).max() < 1.6
