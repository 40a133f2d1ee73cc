"""Photos as they come: formats, orientation, modes, damage."""

import io
import os

import cv2
import numpy as np
import pytest
from PIL import Image

from src.data.files import write_bytes
from src.errors import InputError
from src.photos.reading import Unreadable, crop, find_photos, read_photo, rescaled
from src.photos.records import place

EXTENSIONS = (".jpg", ".png")


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """Smooth, and different in every corner and channel."""
    y, x = np.mgrid[:48, :64].astype(np.float32)
    return Image.fromarray(np.stack([4 * x, 5 * y, 255 - 2 * x - 2 * y], axis=-1).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


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


def test_exif_of_a_wrong_type_is_damage(scene):
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, 72.0
    data = saved(scene, "JPEG", exif=exif)
    rational, undefined = b"\x01\x1a\x00\x05", b"\x01\x1a\x00\x07"
    assert data.count(rational) == 1
    with pytest.raises(Unreadable, match="damaged or cut short: bad operand type"):
        read_photo(data.replace(rational, undefined), max_megapixels=1)


def test_heic_of_an_impossible_size_is_damage(scene):
    pytest.importorskip("pillow_heif").register_heif_opener()
    data = bytearray(saved(scene, "HEIF"))
    data[data.index(b"ispe") + 8] = 1  # the upper byte of its width
    with pytest.raises(Unreadable, match=r"Security limit exceeded.*\S\Z"):
        read_photo(bytes(data), max_megapixels=1)


def test_floating_point_pixels_are_refused():
    with pytest.raises(Unreadable, match="floating-point"):
        read_photo(saved(Image.new("F", (8, 8)), "TIFF"), max_megapixels=1)


def test_limit_is_the_settings_and_not_pillows(scene, monkeypatch):
    data = saved(scene, "PNG")
    with pytest.raises(Unreadable, match=r"0 megapixels, above photos\.max_megapixels=0\.003"):
        read_photo(data, max_megapixels=0.003)
    huge = saved(Image.new("1", (20000, 10000)), "PNG")
    assert read_photo(huge, max_megapixels=200).size == (20000, 10000)


def test_crop_reflects_beyond_the_photo(scene):
    pixels = np.asarray(scene)
    beyond = crop(scene, 60, 40, 10, 20)
    np.testing.assert_array_equal(beyond[:8, :4], pixels[40:, 60:])
    np.testing.assert_array_equal(beyond[8:15, :4], pixels[40:47, 60:][::-1])
    assert crop(Image.new("RGB", (1, 1), (9, 9, 9)), 0, 0, 96, 96).min() == 9


def test_rescaled_keeps_the_scene(scene):
    assert rescaled(scene, 1) is scene
    assert rescaled(scene, 0.5).size == (32, 24)
    assert rescaled(scene, 0.001).size == (1, 1)


def test_photos_of_a_folder(tmp_path, scene):
    for name in ("b.JPG", "deep/er/a.png", "notes.txt", ".hidden.jpg", ".git/c.jpg", "out/d.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        scene.save(tmp_path / name, "JPEG")
    found = find_photos(tmp_path, EXTENSIONS, output=tmp_path / "out")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["b.JPG", "deep/er/a.png"]
    single = tmp_path / "notes.txt"
    assert find_photos(single, EXTENSIONS, output=tmp_path) == [single]


def test_marked_photos_of_any_run_are_no_photos(tmp_path, scene):
    marked = [place(tmp_path / "a.png", tmp_path, tmp_path / run) for run in ("one", "two/deep")]
    # As after a run over a single photo, with its own folder as output.
    marked.append(place(tmp_path / "mine" / "b.png", tmp_path / "mine", tmp_path / "mine"))
    pictures = [path for at in marked for path in (at.overlay, at.preview)]
    mine = [tmp_path / "a.png", tmp_path / "mine/b.png", tmp_path / "overlays/c.png"]
    for path in (*pictures, *mine):
        path.parent.mkdir(parents=True, exist_ok=True)
        scene.save(path)
    assert find_photos(tmp_path, EXTENSIONS, output=tmp_path / "three") == mine


@pytest.mark.parametrize("output", [".", "site", "site/../site/north"])
def test_output_must_not_hold_the_input(tmp_path, scene, output):
    photos = tmp_path / "site" / "north"
    photos.mkdir(parents=True)
    scene.save(photos / "a.png")
    with pytest.raises(
        InputError, match=r"output: .* holds the input .*north; name another folder"
    ):
        find_photos(photos, EXTENSIONS, output=tmp_path / output)


def test_places_are_apart_and_can_be_written(tmp_path):
    names = [b"Stra\xdfe.jpg", b"Stra\xe4e.jpg", b"gr\xfcn/a.jpg", "Straße.jpg".encode()]
    names += [b"\xe4" * 200 + b".jpg", "ü".encode() * 125 + b".jpg"]
    places = [place(tmp_path / os.fsdecode(name), tmp_path, tmp_path / "out") for name in names]
    assert places[0].name == r"Stra\xdfe.jpg"
    assert places[3].overlay == tmp_path / "out" / "overlays" / "Straße.jpg.jpg"
    assert len({at.name for at in places}) == len({at.overlay for at in places}) == len(names)
    for at in places:
        at.name.encode()
        write_bytes(at.overlay, b"")


def test_no_photos_and_no_folder_are_errors(tmp_path):
    with pytest.raises(InputError, match="has no photos"):
        find_photos(tmp_path, EXTENSIONS, output=tmp_path / "out")
    with pytest.raises(InputError, match="no such file or folder"):
        find_photos(tmp_path / "gone", EXTENSIONS, output=tmp_path)
