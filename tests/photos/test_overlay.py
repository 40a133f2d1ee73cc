"""Heat and outlines on a photo."""

import io

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from src.data.decoding.photo_decoding import read_photo
from src.photos import overlay
from src.photos.overlay import draw_findings, heat_picture, preview
from src.photos.regions import find_cracks
from tests.photos.test_regions import HEIGHT, WIDTH, plain, scores_of


def cracked_findings():
    evidence = plain()
    evidence[5, 4:12] = 40
    return find_cracks([scores_of(evidence)], width=WIDTH, height=HEIGHT, threshold=0.5)


def test_only_the_hot_part_is_coloured():
    found = cracked_findings()
    photo = Image.new("RGB", (WIDTH, HEIGHT), (120, 120, 120))
    draw_findings(photo, found, 0.6)
    pixels = np.asarray(photo).astype(int)
    left, top, right, bottom = found.regions[0].box
    middle = pixels[5 * 32 + 16, 8 * 32]
    assert middle[0] > 150 > middle[2]
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[top - 40 : bottom + 40, left - 40 : right + 40] = False
    assert (pixels[outside] == 120).all()
    outlined = (pixels == (0, 229, 255)).all(axis=-1)
    y, x = np.nonzero(outlined)
    assert abs(x.min() - left) < 8
    assert abs(y.max() - bottom) < 8


def test_squares_left_out_have_no_heat(rng, monkeypatch):
    evidence = plain()
    evidence[5, 4:12] = evidence[12, 9] = 40
    findings = find_cracks([scores_of(evidence)], width=WIDTH, height=HEIGHT, threshold=0.5)
    photo = Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8))
    whole = photo.copy()
    monkeypatch.setattr(overlay, "SQUARE", 64)
    draw_findings(photo, findings, 0.6)
    monkeypatch.setattr(overlay, "SQUARE", max(WIDTH, HEIGHT))
    draw_findings(whole, findings, 0.6)
    np.testing.assert_allclose(np.asarray(photo, int), np.asarray(whole, int), atol=1)


def test_without_opacity_the_photo_shows_through():
    photo = Image.new("RGB", (WIDTH, HEIGHT), (120, 120, 120))
    draw_findings(photo, cracked_findings(), 0.0)
    assert photo.getpixel((8 * 32, 5 * 32 + 16)) == (120, 120, 120)


def test_the_report_shows_a_small_photo_and_its_heat():
    photo = Image.new("RGB", (WIDTH, HEIGHT))
    assert Image.open(io.BytesIO(preview(photo, 100, 80))).size == (100, 75)
    assert Image.open(io.BytesIO(preview(photo, 9999, 80))).size == (WIDTH, HEIGHT)
    heat = Image.open(io.BytesIO(heat_picture(cracked_findings(), WIDTH, HEIGHT, 320)))
    assert heat.size == (320, 240)
    alpha = np.asarray(heat)[..., 3]
    assert alpha[88, 128] > 150
    assert alpha[200:].max() == 0


def test_a_long_comment_does_not_keep_a_photo_from_being_marked():
    about = PngInfo()
    about.add_text("comment", "x" * 70_000)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=about)
    photo = read_photo(file.getvalue(), max_megapixels=1)
    assert overlay.encoded(photo, "JPEG", quality=88)
