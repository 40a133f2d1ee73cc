"""Millimetres of a pixel, from the setting and from the camera."""

import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from src.photos.metadata import Metadata, read_metadata
from src.photos.pixel_size import UNKNOWN, PixelSize, pixel_size
from tests.pictures import saved

SIZE = (400, 300)


def jpeg(tags: dict[int, object]) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update(tags)
    return saved(Image.new("RGB", SIZE), "JPEG", exif=exif)


def size_by(tags: dict[int, object], distance=None, size=SIZE) -> PixelSize:
    return pixel_size(read_metadata(jpeg(tags)), size, None, distance)


def test_the_setting_counts_before_the_camera():
    metadata = read_metadata(jpeg({0xA405: 28, 0x9206: 2.0}))
    assert pixel_size(metadata, SIZE, 0.5, None) == PixelSize(0.5, "setting")


def test_from_the_focal_length_as_of_a_35_mm_camera():
    # At 2 m, a lens of 43.27 mm sees as many metres along the diagonal as it is away.
    found = size_by({0xA405: 43}, 2.0)
    assert found.source == "exif estimate"
    assert found.mm_per_pixel == pytest.approx(2000 / 500, rel=0.01)
    assert size_by({0xA405: 43, 0x9206: 2.0}) == found


def test_from_the_pixels_of_the_sensor_even_if_the_photo_was_made_smaller():
    # A sensor of 8 mm with 4000 pixels across, and a lens of 4 mm: 2 m wide at 1 m.
    tags = {0x920A: 4.0, 0xA20E: 5000.0, 0xA210: 3, 0xA002: 4000}
    found = size_by(tags, 1.0)
    assert found.mm_per_pixel == pytest.approx(2000 / 400)


@pytest.mark.parametrize("sides", [(4000, 3000), (3000, 4000)])
def test_an_upright_photo_has_pixels_as_large_as_one_on_its_side(sides):
    tags = {0x920A: 4.0, 0xA20E: 5000.0, 0xA210: 3, 0xA002: sides[0], 0xA003: sides[1]}
    assert size_by(tags, 1.0, size=sides).mm_per_pixel == pytest.approx(2000 / 4000)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {0xA405: 28},
        {0x9206: 2.0},
        {0xA405: 0, 0x9206: 2.0},
        # The numerator that stands for an infinite distance, and one that no lens sees.
        {0xA405: 28, 0x9206: IFDRational(0xFFFFFFFF, 1)},
        {0xA405: 28, 0x9206: IFDRational(0xFFFFFFFE, 1)},
    ],
)
def test_what_is_missing_or_wrong_is_not_guessed(tags):
    assert size_by(tags) == UNKNOWN


def test_numbers_too_small_to_divide_by_give_no_size():
    tags = Metadata(details={0x920A: 1e-300, 0xA20E: 1e-300})
    assert pixel_size(tags, SIZE, None, 1.0) == UNKNOWN


def test_damaged_camera_data_is_no_error():
    data = jpeg({0xA405: 28, 0x9206: 2.0})
    for at in range(20, 120, 3):
        metadata = read_metadata(data[:at] + b"\xff\xff" + data[at + 2 :])
        pixel_size(metadata, SIZE, None, 1.0)
