"""Photos as they come: formats, orientation, modes, damage."""

import io
import os
import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from src.data.decoding.photo_decoding import read_photo
from src.data.decoding.unreadable import Unreadable
from tests.conftest import ROOT
from tests.pictures import header_of, saved


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """A smooth picture that differs in every corner and channel."""
    y, x = np.mgrid[:48, :64].astype(np.float32)
    return Image.fromarray(np.stack([4 * x, 5 * y, 255 - 2 * x - 2 * y], axis=-1).astype(np.uint8))


def difference(photo: Image.Image, scene: Image.Image) -> float:
    assert (photo.mode, photo.size) == ("RGB", scene.size)
    return float(np.abs(np.asarray(photo, float) - np.asarray(scene, float)).mean())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF", "MPO"])
def test_formats(scene, kind):
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    photo = read_photo(saved(scene, kind, quality=95), max_megapixels=1)
    assert difference(photo, scene) < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_upright_whatever_the_camera_was(scene, orientation, kind):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = scene.transpose(undo[orientation]) if orientation > 1 else scene
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored, kind, exif=exif, quality=95)
    assert difference(read_photo(data, max_megapixels=1), scene) < 3


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1", "YCbCr"])
def test_modes(scene, mode):
    converted = scene.convert(mode)
    photo = read_photo(saved(converted, "TIFF"), max_megapixels=1)
    assert difference(photo, converted.convert("RGB")) < 1


def test_sixteen_bits_keep_their_range(scene):
    grey = np.asarray(scene.convert("L"))
    for data in (
        saved(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"),
        saved(Image.fromarray(grey.astype(np.uint16) * 257), "TIFF"),
    ):
        photo = read_photo(data, max_megapixels=1)
        assert difference(photo, scene.convert("L").convert("RGB")) == 0
    colour = np.asarray(scene)[..., ::-1].astype(np.uint16) * 257
    encoded = cv2.imencode(".png", colour)[1].tobytes()
    assert difference(read_photo(encoded, max_megapixels=1), scene) == 0


def test_what_is_transparent_shows_grey(scene):
    clear = scene.convert("RGBA")
    clear.putalpha(Image.new("L", scene.size, 0))
    photo = read_photo(saved(clear, "PNG"), max_megapixels=1)
    assert photo.getextrema() == ((127, 127),) * 3


def test_first_frame_of_several(scene):
    frames = saved(scene, "TIFF", save_all=True, append_images=[Image.new("RGB", scene.size)])
    assert difference(read_photo(frames, max_megapixels=1), scene) == 0


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"", "empty file"),
        (lambda data: b"<html>not found</html>", "not an image"),
        (lambda data: data[: len(data) // 2], "damaged or cut short"),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_damaged_photos_say_why(rng, kind, damage, reason):
    noise = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    if kind == "TIFF" and reason.startswith("damaged"):
        # Its directory stands at the end.
        reason = "damaged or cut short|not an image"
    with pytest.raises(Unreadable, match=reason):
        read_photo(damage(saved(noise, kind)), max_megapixels=1)


def test_exif_of_a_wrong_type_does_not_keep_a_photo_from_being_turned(scene):
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, 72.0
    data = saved(scene, "JPEG", exif=exif)
    rational, undefined = b"\x01\x1a\x00\x05", b"\x01\x1a\x00\x07"
    assert data.count(rational) == 1
    turned = read_photo(data.replace(rational, undefined), max_megapixels=1)
    assert turned.size == scene.size[::-1]


def test_heic_of_an_impossible_size_is_damage(scene):
    pytest.importorskip("pillow_heif").register_heif_opener()
    data = bytearray(saved(scene, "HEIF"))
    data[data.index(b"ispe") + 8] = 1  # the upper byte of its width
    with pytest.raises(Unreadable, match=r"Security limit exceeded.*\S\Z"):
        read_photo(bytes(data), max_megapixels=1)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", [".png", "raw.tif", "packed.tif"])
def test_sixteen_bits_of_which_fewer_are_used_are_not_dark(scene, bits, kind):
    options = [] if kind == ".png" else [cv2.IMWRITE_TIFF_COMPRESSION, 8 if "packed" in kind else 1]
    pixels = np.asarray(scene).astype(np.uint16)
    stored = (pixels << (bits - 8)) | (pixels >> max(0, 16 - bits))
    for channels in (stored[..., ::-1], stored[..., 0]):
        data = cv2.imencode(kind[-4:], channels, options)[1].tobytes()
        expected = scene if channels.ndim == 3 else scene.getchannel(0).convert("RGB")
        assert difference(read_photo(data, max_megapixels=1), expected) == 0


def test_opacity_of_sixteen_bits_keeps_its_range(scene):
    colours = np.asarray(scene).astype(np.uint16)[..., ::-1] << 4
    half_clear = np.dstack([colours, np.full(colours.shape[:2], 2**15, np.uint16)])
    photo = read_photo(cv2.imencode(".png", half_clear)[1].tobytes(), max_megapixels=1)
    mixed = Image.blend(Image.new("RGB", scene.size, (127, 127, 127)), scene, 0.5)
    assert difference(photo, mixed) < 1


def test_tags_say_how_many_bits_a_dark_photo_has(scene):
    grey = np.asarray(scene.convert("L")) // 4
    stored = Image.fromarray(grey.astype(np.uint16) << 4)
    data = saved(stored, "TIFF", tiffinfo={281: 4095})
    assert difference(read_photo(data, max_megapixels=1), Image.fromarray(grey).convert("RGB")) == 0


def test_greys_of_32_bits_are_read_by_their_range_or_refused(scene):
    grey = np.asarray(scene.convert("L")).astype(np.int32)
    small = saved(Image.fromarray(grey << 4), "TIFF")
    assert difference(read_photo(small, max_megapixels=1), scene.convert("L").convert("RGB")) == 0
    for wrong in (grey << 20, -grey):
        with pytest.raises(Unreadable, match=r"numbers from .* save it with 8 or 16 bits"):
            read_photo(saved(Image.fromarray(wrong), "TIFF"), max_megapixels=1)


def test_white_may_be_zero(scene):
    grey = np.asarray(scene.convert("L")).astype(np.uint16)
    data = saved(Image.fromarray((255 - grey) * 257), "TIFF", tiffinfo={262: 0})
    assert Image.open(io.BytesIO(data)).tag_v2[262] == 0
    assert difference(read_photo(data, max_megapixels=1), scene.convert("L").convert("RGB")) <= 1


@pytest.mark.parametrize("kind", ["EPS", "GIF", "BMP", "PPM"])
def test_formats_that_are_not_promised_are_not_opened(scene, kind, tmp_path, monkeypatch):
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-started\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(Unreadable, match="not an image in JPEG, PNG, TIFF, WebP or HEIC"):
        read_photo(saved(scene, kind), max_megapixels=1)
    assert not (tmp_path / "was-started").exists()


def test_a_palette_that_is_missing_is_damage():
    data = header_of(1, 1, colour=3, content=b"\0\0")
    with pytest.raises(Unreadable, match=r"^damaged or cut short$"):
        read_photo(data, max_megapixels=1)


def test_sides_are_bounded():
    long = saved(Image.new("1", (1, 65535)), "PNG")
    with pytest.raises(Unreadable, match="65535 pixels long, above the 65500"):
        read_photo(long, max_megapixels=1)
    assert read_photo(saved(Image.new("1", (1, 65500)), "PNG"), max_megapixels=1).height == 65500


def test_a_jpeg_of_few_bytes_has_few_pixels(scene):
    blank = saved(Image.new("RGB", (4000, 3000)), "JPEG", quality=1, optimize=True)
    assert read_photo(blank, max_megapixels=12).size == (4000, 3000)
    progressive = saved(Image.new("L", (4000, 3000)), "JPEG", quality=1, progressive=True)
    assert read_photo(progressive, max_megapixels=18).size == (4000, 3000)
    data = bytearray(saved(scene, "JPEG"))
    sizes = data.index(b"\xff\xc0") + 5
    data[sizes : sizes + 4] = b"\x4e\x20\x4e\x20"
    with pytest.raises(Unreadable, match=r"\d+ bytes can't hold its 400.0 megapixels"):
        read_photo(bytes(data), max_megapixels=500)


def test_memory_is_bounded_by_the_header(scene):
    """Of kinds that take more than 8 bytes a pixel to decode, fewer pixels are accepted."""
    limit = scene.width * scene.height / 1e6
    deep = np.asarray(scene).astype(np.uint16) * 257
    one_strip = [cv2.IMWRITE_TIFF_ROWSPERSTRIP, scene.height]
    for data in (
        saved(scene, "WEBP"),
        saved(scene, "JPEG", progressive=True, subsampling=0),
        cv2.imencode(".tif", deep, one_strip)[1].tobytes(),
    ):
        with pytest.raises(Unreadable, match=r"MB of memory are needed to decode it"):
            read_photo(data, max_megapixels=limit)
        assert read_photo(data, max_megapixels=3 * limit).size == scene.size
    assert read_photo(saved(scene, "JPEG"), max_megapixels=limit).size == scene.size


MEMORY = """
import io, sys
from PIL import Image
from src.data.decoding.photo_decoding import read_photo, release_memory

def status(field):
    text = open("/proc/self/status").read()
    return int(text.split(field + ":")[1].split()[0]) * 1024

data = open(sys.argv[1], "rb").read()
read_photo(open(sys.argv[2], "rb").read(), max_megapixels=500)
before = status("VmRSS")
peaks = []
# Twice: the memory of the first the C library gives back by itself.
for _ in range(2):
    photo = read_photo(data, max_megapixels=500)
    peaks.append((status("VmHWM") - before) / (photo.width * photo.height))
    del photo
    release_memory()
print(peaks[0], status("VmRSS") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGBA", "PNG"), ("LA", "PNG"), ("PA", "PNG"), ("CMYK", "JPEG"), ("I", "TIFF"), ("1", "TIFF")],
)
def test_eight_bytes_a_pixel_in_every_mode_and_none_afterwards(tmp_path, mode, kind):
    side = 4000
    if mode == "PA":
        image, options = Image.new("P", (side, side)), {"transparency": 0}
    else:
        image, options = Image.new(mode, (side, side)), {}
    if kind != "TIFF":
        turned = Image.Exif()
        turned[0x0112] = 6
        options["exif"] = turned
    for name, one in (("large", image), ("small", image.resize((8, 8)))):
        (tmp_path / name).write_bytes(saved(one, kind, **options))
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "large"), str(tmp_path / "small")]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    peak, kept = map(float, ended.stdout.split())
    # Half a byte for the band that is converted and for what Pillow rounds up.
    assert peak < 8.7
    assert kept < 20e6


def test_floating_point_pixels_are_refused():
    with pytest.raises(Unreadable, match="floating-point"):
        read_photo(saved(Image.new("F", (8, 8)), "TIFF"), max_megapixels=1)


@pytest.mark.slow
def test_limit_is_the_settings_and_not_pillows(scene, monkeypatch):
    data = saved(scene, "PNG")
    with pytest.raises(Unreadable, match=r"0 megapixels, above photos\.max_megapixels=0\.003"):
        read_photo(data, max_megapixels=0.003)
    huge = saved(Image.new("1", (20000, 10000)), "PNG")
    assert read_photo(huge, max_megapixels=200).size == (20000, 10000)


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack("<HHII", 0x0128, 4, 1, 70_000),  # a unit of the resolution that is none
        struct.pack("<HHI4s", 0x0128, 2, 4, b"cm\0\0"),  # the same as text
        struct.pack("<HHIi", 0x0100, 9, 1, -5),  # a negative width
    ],
)
def test_a_photo_is_turned_though_its_other_metadata_are_odd(entry):
    orientation = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    entries = b"".join(sorted((orientation, entry), key=lambda one: one[:2][::-1]))
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + bytes(4)
    data = saved(Image.new("RGB", (80, 60)), "JPEG", exif=exif)
    assert read_photo(data, max_megapixels=1).size == (60, 80)
