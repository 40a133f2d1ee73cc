"""Whole photographs with masks: drawn ones, and those of folders."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from src.data.sources.colour_pictures import UnusableImage
from src.data.sources.masked_photos import drawn_photos, photos_in
from src.errors import InputError


def write(folder, name: str, pixels: np.ndarray) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name)


@pytest.fixture
def folder(tmp_path):
    """Photographs with masks, without a mask and cracked, and without a crack."""
    grey, mask = np.full((40, 60, 3), 90, np.uint8), np.zeros((40, 60), np.uint8)
    mask[20] = 255
    rows = []
    for number in range(6):
        write(tmp_path, f"a/{number}.png", grey)
        cracked = number % 3 > 0
        rows.append({"file": f"a/{number}.png", "cracked": int(cracked), "mask": ""})
        rows[-1] |= {"set": "deck", "photo": f"p{number // 2}"}
        if number % 3 == 2:
            write(tmp_path, f"m/{number}.png", mask)
            rows[-1]["mask"] = f"m/{number}.png"
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path


def test_every_second_drawn_photo_has_cracks_and_a_longer_series_begins_alike():
    short, long = drawn_photos(2, 256, 300, 7), drawn_photos(4, 256, 300, 7)
    (whole, without), (pixels, mask) = (photo.load() for photo in short)
    assert whole.shape == pixels.shape == (256, 300, 3)
    assert not without.any()
    assert mask.any()
    assert (long[1].load()[0] == pixels).all()
    assert [photo.name for photo in short] == [photo.name for photo in long[:2]]


def test_a_folder_with_a_table(folder):
    photos = photos_in([str(folder)], 100)
    assert {photo.source for photo in photos} == {"deck"}
    assert [photo.group for photo in photos[:3]] == ["deck/p0", "deck/p0", "deck/p1"]
    masks = [photo.load()[1] for photo in photos[:3]]
    assert not masks[0].any()
    assert masks[1] is None
    assert masks[2].sum() == 60


def test_a_folder_with_pairs_and_the_most_of_each(folder, tmp_path):
    for number in range(4):
        pixels = np.zeros((30, 30, 3), np.uint8)
        write(tmp_path, f"pairs/images/{number}.png", pixels)
        write(tmp_path, f"pairs/masks/{number}.png", pixels)
    photos = photos_in([str(folder), str(tmp_path / "pairs")], 3)
    assert [photo.source for photo in photos] == ["deck"] * 3 + ["pairs"] * 3
    assert len({photo.name for photo in photos}) == 6


def test_what_is_wrong_with_a_folder_is_said(folder, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        photos_in([str(tmp_path / "gone")], 3)
    write(folder, "m/2.png", np.full((7, 7), 255, np.uint8))
    with pytest.raises(UnusableImage, match="differ in size"):
        photos_in([str(folder)], 100)[2].load()
    write(folder, "m/2.png", np.zeros((7, 7), np.uint8))
    with pytest.raises(UnusableImage, match=r"cracked=1, but its mask 2\.png is black"):
        photos_in([str(folder)], 100)[2].load()
