"""When, where and with what a photo was taken."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from src.photos.capture import taken
from src.photos.metadata import Metadata, read_metadata
from tests.pictures import saved

GPS = ExifTags.GPS
NOTHING = dict.fromkeys(("taken_at", "camera", "latitude", "longitude", "altitude"))


def photo_with(main=None, details=None, position=None) -> bytes:
    exif = Image.Exif()
    exif.update(main or {})
    exif.get_ifd(ExifTags.IFD.Exif).update(details or {})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(position or {})
    return saved(Image.new("RGB", (8, 8)), "JPEG", exif=exif)


def taken_by(main=None, details=None, position=None) -> dict:
    return taken(read_metadata(photo_with(main, details, position)))


def position_of(north: float, east: float) -> dict:
    def parts(angle: float) -> tuple[float, float, float]:
        minutes = abs(angle) % 1 * 60
        return float(int(abs(angle))), float(int(minutes)), minutes % 1 * 60

    return {
        GPS.GPSLatitude: parts(north),
        GPS.GPSLatitudeRef: "N" if north >= 0 else "S",
        GPS.GPSLongitude: parts(east),
        GPS.GPSLongitudeRef: "E" if east >= 0 else "W",
    }


@given(st.floats(-89.9, 89.9), st.floats(-179.9, 179.9))
def test_positions_have_signs(north, east):
    found = taken_by(position=position_of(north, east))
    assert (found["latitude"], found["longitude"]) == pytest.approx((north, east), abs=1e-5)


def test_camera_and_time():
    main = {ExifTags.Base.Make: "Canon\0", ExifTags.Base.Model: "Canon EOS R5"}
    details = {ExifTags.Base.DateTimeOriginal: "2026:05:01 10:20:30"}
    found = taken_by(main, details)
    assert found == NOTHING | {"camera": "Canon EOS R5", "taken_at": "2026-05-01T10:20:30"}
    other = taken_by({ExifTags.Base.Make: "DJI", ExifTags.Base.Model: "FC3411"})
    assert other["camera"] == "DJI FC3411"


def test_below_the_sea():
    depth = {GPS.GPSAltitude: 3.5, GPS.GPSAltitudeRef: b"\x01"}
    assert taken_by(position=position_of(1, 2) | depth)["altitude"] == -3.5


@pytest.mark.parametrize("south", ["S", " s", b"S", b"S\0"])
def test_the_hemisphere_may_be_stored_as_bytes_or_with_blanks(south):
    position = position_of(-33.87, 151.2) | {GPS.GPSLatitudeRef: south}
    assert taken(Metadata(position=position))["latitude"] == pytest.approx(-33.87)


@pytest.mark.parametrize(
    "position",
    [
        {GPS.GPSLatitude: (52.0, 30.0, 0.0)},
        {**position_of(1, 2), GPS.GPSLatitude: (152.0, 0.0, 0.0)},
        {**position_of(1, 2), GPS.GPSLongitude: (1.0,)},
    ],
)
def test_half_a_position_is_none(position):
    assert taken_by(position=position) == NOTHING


@pytest.mark.parametrize("unknown", ["    :  :     :  :  ", "0000:00:00 00:00:00"])
def test_the_time_of_the_file_stands_for_an_unknown_time_of_the_photo(unknown):
    main = {ExifTags.Base.DateTime: "2026:05:01 10:20:30"}
    found = taken_by(main, {ExifTags.Base.DateTimeOriginal: unknown})
    assert found["taken_at"] == "2026-05-01T10:20:30"


def test_what_is_no_date_is_left_out():
    assert taken_by({ExifTags.Base.DateTime: "0000:00:00 00:00:00"}) == NOTHING


def test_damaged_metadata_are_left_out():
    whole = photo_with({ExifTags.Base.Make: "Canon"}, None, position_of(1, 2))
    start = whole.index(b"Exif")
    damaged = whole[: start + 6] + b"\xff" * 40 + whole[start + 46 :]
    assert taken(read_metadata(damaged)) == NOTHING


def test_a_photo_without_metadata():
    assert taken(read_metadata(saved(Image.new("RGB", (8, 8)), "PNG"))) == NOTHING


def test_the_pixels_of_a_png_are_not_decoded_for_its_metadata():
    pixels = Image.new("RGB", (64, 64))
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "FC3411"
    assert taken(read_metadata(saved(pixels, "PNG", exif=exif)))["camera"] == "FC3411"
    # Cut within its pixels, the file could not be decoded.
    cut = saved(pixels, "PNG")[:-30]
    assert Image.open(io.BytesIO(cut)).size == (64, 64)
    assert read_metadata(cut) == Metadata()
