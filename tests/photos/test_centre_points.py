"""Points on the centre lines of dark lines."""

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import cKDTree

from src.photos.centre_lines import CLEAR
from src.photos.centre_points import centre_points
from tests.photos.lines import HEIGHT, WIDTH, line_picture, wave, whole


@pytest.mark.parametrize("width", [1.5, 4, 12])
def test_the_strongest_points_are_on_the_centre_line(width):
    found = centre_points(line_picture((wave(), width)), whole(), 0.0, 8.0)
    strongest = found.places[found.strength > found.strength.max() / 3]
    off = cKDTree(wave()).query(strongest)[0]
    # Its round ends reach half its width farther than the line itself.
    assert off[np.abs(strongest[:, 0] - 300) < 230].max() < max(2.0, width / 4)
    # A block ends at every 256 pixels, and no part of the line is left out there.
    assert np.diff(np.sort(strongest[:, 0])).max() < 12


def test_points_have_the_label_of_their_region():
    labels = np.zeros_like(whole())
    labels[:, 20:30], labels[:, 40:50] = 3, 7
    found = centre_points(line_picture((wave(), 5)), labels, 0.0, 8.0)
    assert set(found.label) == {3, 7}
    left = found.places[found.label == 3, 0]
    assert 156 <= left.min() <= left.max() <= 236


def test_a_bright_line_has_no_points_on_it():
    bright = centre_points(line_picture((wave(), 5), dark=1.4), whole(), 0.0, 8.0)
    strong = bright.places[bright.strength > 4]
    assert not (cKDTree(wave()).query(strong)[0] < 2).any()


def test_cracks_that_fill_a_block_stand_out_from_the_blocks_around_it():
    # A mesh that is as dense as this leaves no point of the texture between its lines.
    mesh = [(np.array([(256.0, y), (511.0, y)]), 4) for y in np.arange(4.0, 256.0, 10.0)]
    labels = whole(0)
    labels[:34, 31:66] = 1
    found = centre_points(line_picture(*mesh), labels, 0.0, 8.0)
    middle = (found.places > (300, 40)).all(axis=1) & (found.places < (470, 220)).all(axis=1)
    assert np.median(found.strength[middle]) > 2 * CLEAR


def test_a_picture_without_any_line_has_no_points():
    plain = Image.new("RGB", (WIDTH, HEIGHT), "black")
    assert len(centre_points(plain, whole(), 0.0, 8.0).strength) == 0


def test_without_regions_there_are_no_points():
    found = centre_points(line_picture((wave(), 5)), whole(0), 0.0, 8.0)
    assert found.places.shape == (0, 2)
    assert len(found.strength) == len(found.label) == 0


def test_regions_at_all_edges_are_searched():
    frame = np.array([(2, 2), (WIDTH - 3, 2), (WIDTH - 3, HEIGHT - 3), (2, HEIGHT - 3), (2, 2)])
    found = centre_points(line_picture((frame.astype(float), 3)), whole(), 4.0, 8.0)
    strong = found.places[found.strength > 4]
    assert (strong >= 0).all()
    assert (strong < (WIDTH, HEIGHT)).all()
    for axis, side in ((0, WIDTH), (1, HEIGHT)):
        assert (strong[:, axis] < 6).sum() > 100
        assert (strong[:, axis] > side - 6).sum() > 100
