"""The files of photos, and parts of their pixels."""

import numpy as np
import pytest
from PIL import Image

from src.data.decoding.unreadable import Unreadable
from src.photos.reading import crop, photo_bytes, rescaled


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """A smooth picture that differs in every corner and channel."""
    y, x = np.mgrid[:48, :64].astype(np.float32)
    return Image.fromarray(np.stack([4 * x, 5 * y, 255 - 2 * x - 2 * y], axis=-1).astype(np.uint8))


def test_a_file_larger_than_any_photo_is_not_read(tmp_path):
    with (tmp_path / "large.tif").open("wb") as file:
        file.truncate(100 * 10**6)
    with pytest.raises(Unreadable, match=r"a file of 0.1 GB, above what 4 megapixels take"):
        photo_bytes(tmp_path / "large.tif", max_megapixels=4)
    assert len(photo_bytes(tmp_path / "large.tif", max_megapixels=5)) == 100 * 10**6


def test_crop_reflects_beyond_the_photo(scene):
    pixels = np.asarray(scene)
    beyond = crop(scene, 60, 40, 10, 20)
    np.testing.assert_array_equal(beyond[:8, :4], pixels[40:, 60:])
    np.testing.assert_array_equal(beyond[8:15, :4], pixels[40:47, 60:][::-1])
    assert crop(Image.new("RGB", (1, 1), (9, 9, 9)), 0, 0, 96, 96).min() == 9
    # Also of a part that lies wholly beyond, and of a photo that is reflected again and again.
    whole = np.pad(pixels, ((0, 200), (0, 200), (0, 0)), mode="reflect")
    for left, top in ((0, 0), (70, 50), (130, 0), (50, 150)):
        part = crop(scene, left, top, 96, 40)
        np.testing.assert_array_equal(part, whole[top : top + 40, left : left + 96])


def test_rescaled_keeps_the_scene(scene):
    assert rescaled(scene, 1) is scene
    assert rescaled(scene, 0.5).size == (32, 24)
    assert rescaled(scene, 0.001).size == (1, 1)
