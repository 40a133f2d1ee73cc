"""Length, width and direction of lines whose own are known."""

import cv2
import numpy as np
import pytest
from PIL import Image

from src.photos.centre_lines import centre_lines, length_of
from src.photos.centre_points import centre_points
from src.photos.crack_measures import (
    EVERY,
    Profiles,
    crack_lines,
    direction_of,
    measured,
    profiles_across,
)
from tests.photos.lines import HEIGHT, WIDTH, line_picture, wave


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


@pytest.mark.parametrize("width", [2.0, 4.0, 8.0])
@pytest.mark.parametrize("away", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("side", ["top", "bottom"])
def test_a_crack_ends_at_the_border_of_the_photo(width, away, side):
    """`away` is how far the crack's centre is from the border, in widths of the crack."""
    height = away * width - 0.5
    y = height if side == "top" else HEIGHT - 1 - height
    line = np.stack([np.arange(50.0, 550.0), np.full(500, y)], axis=1)
    picture = line_picture((line, width))
    lines, profiles = crack_lines(picture, lines_in(picture, region(line, 40)))
    seen = min(1, 0.5 + away) * width
    found = measured(lines, profiles)
    assert found.mean_width == pytest.approx(seen, abs=1.1)
    assert found.length == pytest.approx(500, abs=20)


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


def region(line: np.ndarray, reach: int) -> np.ndarray:
    """Labels of a grid of 8 pixels, 1 within `reach` pixels of a line."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.polylines(mask, [np.rint(line).astype(np.int32)], False, 1, 2 * reach)
    return mask[::8, ::8].astype(np.int32)


def lines_in(picture: Image.Image, labels: np.ndarray) -> list[np.ndarray]:
    points = centre_points(picture, labels, 0.0, 8.0)
    inside = points.label == 1
    return centre_lines(points.places[inside], points.strength[inside])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("reach", [30, 60, 120])
def test_texture_alone_is_no_crack_however_large_its_region(seed, reach):
    plain = line_picture(seed=seed)
    found = lines_in(plain, region(np.float64([(200, 200), (400, 200)]), reach))
    # Of some thousand points a few may happen to form a line.
    assert sum(map(length_of, found)) < 200


@pytest.mark.parametrize("reach", [30, 60, 120])
def test_a_crack_is_measured_alone_however_wide_its_region(reach):
    line = wave()
    picture = line_picture((line, 4.0))
    lines, profiles = crack_lines(picture, lines_in(picture, region(line, reach)))
    found = measured(lines, profiles)
    assert len(lines) == 1
    assert found.length == pytest.approx(length_of(line), rel=0.03)
    assert found.mean_width == pytest.approx(4, abs=0.9)


@pytest.mark.parametrize("length", [40, 60, 100])
@pytest.mark.parametrize("width", [2.0, 4.0])
def test_a_line_ends_where_its_crack_ends(length, width):
    line = np.linspace((250, 200), (250 + length, 200), length + 1)
    picture = line_picture((line, width))
    lines, profiles = crack_lines(picture, lines_in(picture, region(line, 40)))
    assert len(profiles.widths) == len(lines[0][::EVERY])
    # The round cap of the drawn line is as long as its width.
    assert measured(lines, profiles).length == pytest.approx(length + width, abs=5)


@pytest.mark.parametrize(
    ("widths", "largest"),
    [
        ([2] * 8 + [10] * 4, 2),  # at the end of a line
        ([2] * 8 + [10] * 5, 10),
        ([2] * 8 + [10] * 4 + [2] * 8, 2),
        ([10] * 3, 10),  # a line shorter than that
    ],
)
def test_the_largest_width_holds_for_some_profiles_of_one_line(widths, largest):
    lines = [np.linspace((0, 0), (3 * len(widths), 0), 3 * len(widths))] * 2
    both = np.float64([*widths, *widths[::-1]])
    number = np.repeat([0, 1], len(widths))
    empty = np.zeros((len(both), 2))
    profiles = Profiles(empty, both, empty, both, number)
    assert measured(lines, profiles).max_width == largest
