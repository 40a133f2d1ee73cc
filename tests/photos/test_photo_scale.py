"""Millimetres of a pixel, from the setting and from the camera."""

import io

import pytest
from PIL import Image

from src.photos.photo_scale import EXIF, UNKNOWN, PhotoScale, photo_scale

SIZE = (400, 300)


def jpeg(tags: dict[int, object]) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(EXIF).update(tags)
    content = io.BytesIO()
    Image.new("RGB", SIZE).save(content, "JPEG", exif=exif)
    return content.getvalue()


def test_the_setting_counts_before_the_camera():
    data = jpeg({0xA405: 28, 0x9206: 2.0})
    assert photo_scale(data, SIZE, 0.5, None) == PhotoScale(0.5, "setting")


def test_from_the_focal_length_as_of_a_35_mm_camera():
    # At 2 m, a lens of 43.27 mm sees as many metres along the diagonal as it is away.
    found = photo_scale(jpeg({0xA405: 43}), SIZE, None, 2.0)
    assert found.source == "exif estimate"
    assert found.mm_per_pixel == pytest.approx(2000 / 500, rel=0.01)
    assert photo_scale(jpeg({0xA405: 43, 0x9206: 2.0}), SIZE, None, None) == found


def test_from_the_pixels_of_the_sensor_even_if_the_photo_was_made_smaller():
    # A sensor of 8 mm with 4000 pixels across, and a lens of 4 mm: 2 m wide at 1 m.
    tags = {0x920A: 4.0, 0xA20E: 5000.0, 0xA210: 3, 0xA002: 4000}
    found = photo_scale(jpeg(tags), SIZE, None, 1.0)
    assert found.mm_per_pixel == pytest.approx(2000 / 400)


@pytest.mark.parametrize("tags", [{}, {0xA405: 28}, {0x9206: 2.0}, {0xA405: 0, 0x9206: 2.0}])
def test_what_is_missing_is_not_guessed(tags):
    assert photo_scale(jpeg(tags), SIZE, None, None) == UNKNOWN


def test_damaged_camera_data_is_no_error():
    data = jpeg({0xA405: 28, 0x9206: 2.0})
    for at in range(20, 120, 3):
        photo_scale(data[:at] + b"\xff\xff" + data[at + 2 :], SIZE, None, 1.0)
