"""Every image is decoded whole, and one that can't be used says why."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from src.data.sources.colour_pictures import UnusableImage
from src.data.sources.patch_check import usable_jpeg
from tests.data.sources.samples import encode, jpeg, picture

GOOD = jpeg()


def test_a_good_image_keeps_its_bytes() -> None:
    assert usable_jpeg(GOOD, image_size=227, resize=False) is GOOD
    assert usable_jpeg(GOOD, image_size=227, resize=True) is GOOD


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "^empty file$"),
        (b"<html>Please log in</html>", "^not a JPEG$"),
        (encode(picture(), "PNG"), "^not a JPEG$"),
        (GOOD[:-200], "^truncated or damaged: image file is truncated"),
        (GOOD[:2], "^not an image in JPEG, "),
        (encode(picture().convert("L")), "^grey, not RGB$"),
        (encode(picture().convert("CMYK")), "^CMYK, not RGB$"),
        (encode(picture(width=300)), "^300 x 227 pixels, not 227 x 227$"),
    ],
)
def test_a_bad_image_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(UnusableImage, match=reason):
        usable_jpeg(data, image_size=227, resize=False)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.booleans())
def test_a_cut_image_is_never_taken(length: int, resize: bool) -> None:
    with pytest.raises(UnusableImage):
        usable_jpeg(GOOD[:length], image_size=227, resize=resize)


def test_another_size_is_resized_with_the_quantisation_it_had() -> None:
    coarse = encode(picture(width=300, height=260), quality=40, subsampling="4:4:4")
    resized: Any = Image.open(io.BytesIO(usable_jpeg(coarse, image_size=227, resize=True)))
    original: Any = Image.open(io.BytesIO(coarse))
    assert (resized.format, resized.mode, resized.size) == ("JPEG", "RGB", (227, 227))
    assert resized.quantization == original.quantization
    assert resized.layer == original.layer  # the sampling factors of each component


def test_resizing_does_not_excuse_a_grey_image() -> None:
    with pytest.raises(UnusableImage, match="grey"):
        usable_jpeg(encode(picture(width=300).convert("L")), image_size=227, resize=True)


@pytest.mark.parametrize("limit", [Image.MAX_IMAGE_PIXELS, None])
def test_a_decompression_bomb_is_not_decoded(
    limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    header = GOOD.index(b"\xff\xc0") + 5  # start of frame: height and width follow
    bomb = GOOD[:header] + b"\xff\xff\xff\xff" + GOOD[header + 4 :]
    with pytest.raises(UnusableImage, match=r"exceeds limit|above the limit of 178"):
        usable_jpeg(bomb, image_size=227, resize=True)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encode(picture(), "PNG"), id="png"),
        pytest.param(encode(picture(), "TIFF"), id="tiff"),
        pytest.param(encode(picture().convert("RGBA"), "PNG"), id="alpha"),
        pytest.param(encode(picture().convert("P"), "PNG"), id="palette"),
        pytest.param(encode(picture().convert("L")), id="grey"),
        pytest.param(encode(picture(width=300), "PNG"), id="wide"),
    ],
)
def test_images_of_other_kinds_are_converted(data: bytes) -> None:
    converted = usable_jpeg(data, image_size=227, resize=True, convert=True)
    with Image.open(io.BytesIO(converted)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (227, 227))


def test_of_16_bits_the_upper_8_are_kept() -> None:
    values = np.full((227, 227), 0x80FF, np.uint16)
    for kind in ("PNG", "TIFF"):
        deep = encode(Image.fromarray(values), kind)
        converted = usable_jpeg(deep, image_size=227, resize=False, convert=True)
        with Image.open(io.BytesIO(converted)) as image:
            assert np.unique(np.asarray(image)).tolist() == [0x80]


def test_of_fewer_bits_than_16_the_upper_8_are_kept() -> None:
    values = np.full((227, 227), 0xC00, np.uint16)  # as of a camera with 12 bits
    for kind in ("PNG", "TIFF"):
        deep = encode(Image.fromarray(values), kind)
        converted = usable_jpeg(deep, image_size=227, resize=False, convert=True)
        with Image.open(io.BytesIO(converted)) as image:
            assert np.unique(np.asarray(image)).tolist() == [0xC0]


def test_what_cannot_be_converted_says_why() -> None:
    for data in (b"<html>", encode(picture(), "PNG")[:-200]):
        reasons = r"^(truncated or damaged|damaged or cut short|not an image in JPEG)"
        with pytest.raises(UnusableImage, match=reasons):
            usable_jpeg(data, image_size=227, resize=True, convert=True)


def test_a_turned_jpeg_is_turned_upright_where_pictures_are_converted() -> None:
    upright = picture()
    turned = encode(upright.transpose(Image.Transpose.ROTATE_90), exif=orientation(6))
    converted = usable_jpeg(turned, image_size=227, resize=False, convert=True)
    with Image.open(io.BytesIO(converted)) as image:
        difference = np.asarray(image, float) - np.asarray(upright, float)
        assert np.abs(difference).mean() < np.abs(np.asarray(upright, float) - 128).mean() / 4
    # The files of a pinned dataset stay as they are.
    assert usable_jpeg(turned, image_size=227, resize=False) is turned


def orientation(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = number
    return exif
