"""Windows of corrected photographs: cracked ones over marked cracks, crack-free ones elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from src.config.source_schema import CorrectedPhotos
from src.data.corrections import Correction, write_corrections
from src.data.sources.collection import collect_images
from src.data.sources.corrected_photos import (
    CorrectionsSource,
    crack_free_square,
    cracked_squares,
)
from src.errors import InputError
from tests.data.sources.photographs import photograph, save, settings_of

HEIGHT, WIDTH = 300, 400
CRACK = (95, 0, 108, 300)  # around the photograph's vertical crack


def said(box, cracked: bool, file: str = "photos/00001.png") -> Correction:
    left, top, right, bottom = box
    label = "crack missed" if cracked else "no crack"
    place = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return Correction(photo="a", file=file, label=label, cracked=cracked, by="", at="now", **place)


def fetched(tmp_path, *corrections: Correction, **options):
    pixels, _ = photograph(HEIGHT, WIDTH)
    save(tmp_path / "own/photos/00001.png", pixels)
    write_corrections(tmp_path / "own", corrections)
    given = f"data.path={tmp_path / 'own'}"
    data = settings_of("corrections", tmp_path / "data", given, **options)
    assert isinstance(data, CorrectedPhotos)
    return collect_images(CorrectionsSource(data), data, reuse=False)


def test_windows_have_the_labels_of_their_boxes(tmp_path):
    dataset = fetched(tmp_path, said(CRACK, True), said((150, 0, 400, 300), False))
    counts = dataset.receipt.counts
    assert 3 <= counts["Positive"] <= 24
    assert counts["Negative"] == 24
    for path, label in zip(dataset.paths, dataset.listing.label, strict=True):
        shown = np.asarray(Image.open(path).convert("L"))
        assert bool(shown.min() < 60) == bool(label)


def test_a_crack_free_photo_shows_no_marked_crack(tmp_path):
    dataset = fetched(tmp_path, said((0, 0, WIDTH, HEIGHT), False), said(CRACK, True))
    assert dataset.receipt.counts["Negative"] > 0
    for path, label in zip(dataset.paths, dataset.listing.label, strict=True):
        shown = np.asarray(Image.open(path).convert("L"))
        assert bool(shown.min() < 60) == bool(label)


def test_changed_corrections_change_the_state(tmp_path):
    fetched(tmp_path, said(CRACK, True), said((150, 0, 400, 300), False))
    data = settings_of("corrections", tmp_path / "data", f"data.path={tmp_path / 'own'}")
    source = CorrectionsSource(data)
    before = source.state(())
    (tmp_path / "own/report.html").write_text("written anew")
    assert source.state(()) == before
    write_corrections(tmp_path / "own", [said(CRACK, False)])
    assert source.state(()) != before


@pytest.mark.parametrize(
    ("corrections", "message"),
    [
        ([], "has no corrections"),
        ([said((0, 0, WIDTH + 1, 9), True)], "lies outside of its 400 x 300 pixels"),
        ([said(CRACK, True, "photos/gone.png")], "gone"),
    ],
)
def test_what_is_amiss_is_named(tmp_path, corrections, message):
    with pytest.raises(InputError, match=message):
        fetched(tmp_path, *corrections)


@st.composite
def boxes(draw) -> tuple[int, int, int, int]:
    left, right = sorted(draw(st.sets(st.integers(0, WIDTH), min_size=2, max_size=2)))
    top, bottom = sorted(draw(st.sets(st.integers(0, HEIGHT), min_size=2, max_size=2)))
    return left, top, right, bottom


@given(boxes())
def test_squares_cover_a_cracked_box(box):
    left, top, right, bottom = box
    covered = np.zeros((HEIGHT, WIDTH), bool)
    for square in cracked_squares(box, (HEIGHT, WIDTH), 32):
        assert square.side >= 32
        assert 0 <= square.left <= WIDTH - square.side
        assert 0 <= square.top <= HEIGHT - square.side
        covered[square.top : square.top + square.side, square.left : square.left + square.side] = 1
    assert covered[top:bottom, left:right].all()


@given(boxes(), st.integers(0, 2**32))
def test_a_crack_free_square_lies_in_its_box_or_around_it(box, seed):
    left, top, right, bottom = box
    square = crack_free_square(box, (HEIGHT, WIDTH), (32, 128), np.random.default_rng(seed))
    for start, end, first in ((left, right, square.left), (top, bottom, square.top)):
        last = first + square.side
        assert (start - 1 <= first and last <= end + 1) or (first <= start and last >= end)


@pytest.mark.parametrize("kind", ["TIFF", "HEIF"])
def test_windows_have_the_pixels_that_the_inspection_has_read(tmp_path, kind):
    pixels, _ = photograph(HEIGHT, WIDTH)
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
        photo = Image.fromarray(pixels)
    else:
        photo = Image.fromarray(pixels[..., 0].astype(np.uint16) << 4)  # 12 bits
    (tmp_path / "own/photos").mkdir(parents=True)
    photo.save(tmp_path / "own/photos/deep", kind)
    here = {"file": "photos/deep"}
    dataset = fetched(tmp_path, said(CRACK, True, **here), said((150, 0, 400, 300), False, **here))
    assert dataset.receipt.rejected == ()
    for path, label in zip(dataset.paths, dataset.listing.label, strict=True):
        shown = np.asarray(Image.open(path).convert("L"))
        assert (bool(shown.min() < 60), shown.mean() > 100) == (bool(label), True)


def test_a_photo_without_a_crack_has_no_region_that_is_right(tmp_path):
    right = Correction.of_box(
        CRACK, photo="a", file="photos/00001.png", label="right", cracked=True, by="", at="now"
    )
    joint = said((0, 0, WIDTH, HEIGHT), False)
    with pytest.raises(InputError, match="Positive"):
        fetched(tmp_path, right, joint)


def test_a_box_smaller_than_its_square_lies_in_the_middle():
    (square,) = cracked_squares((300, 300, 340, 340), (1000, 1000), 114)
    assert (square.left, square.top, square.side) == (263, 263, 114)
    squares = cracked_squares((300, 300, 500, 340), (1000, 1000), 114)
    assert [(one.left, one.top) for one in squares] == [(300, 263), (386, 263)]


def test_a_missed_crack_around_the_whole_photo_is_trained_on(tmp_path):
    pixels, _ = photograph(HEIGHT, WIDTH)
    corrections = []
    for number, label, cracked in ((1, "crack missed", True), (2, "no crack", False)):
        file = f"photos/{number}.png"
        save(tmp_path / "own" / file, pixels)
        about = {"photo": file, "file": file, "label": label, "by": "", "at": "now"}
        whole = (0, 0, WIDTH, HEIGHT)
        corrections.append(Correction.of_box(whole, cracked=cracked, **about))
    write_corrections(tmp_path / "own", corrections)
    data = settings_of("corrections", tmp_path / "data", f"data.path={tmp_path / 'own'}")
    dataset = collect_images(CorrectionsSource(data), data, reuse=False)
    assert dataset.receipt.counts["Positive"] > 0
