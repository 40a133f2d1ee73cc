"""Photographs with masks in a folder give windows; what is amiss in the folder is named."""

import os
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from src.config.source_schema import PhotosWithMasks
from src.data.sources import colour_pictures
from src.data.sources.collection import collect_images
from src.data.sources.colour_pictures import UnusableImage, read_mask
from src.data.sources.photo_folder import PhotosSource
from src.errors import InputError
from tests.data.sources.photographs import photograph, save, settings_of

HEADER = "file,cracked,mask,set,photo\n"


def source_at(tmp_path, **options) -> PhotosSource:
    data = settings_of("photos", tmp_path / "data", f"data.path={tmp_path / 'own'}", **options)
    assert isinstance(data, PhotosWithMasks)
    return PhotosSource(data)


def fetched(tmp_path, **options):
    source = source_at(tmp_path, **options)
    return collect_images(source, source.data, reuse=False)


def add(folder, name: str, *, cracked: bool = True, shape=(300, 400)) -> None:
    pixels, mask = photograph(*shape, cracked=cracked)
    save(folder / "images" / f"{name}.jpg", pixels)
    save(folder / "masks" / f"{name}.png", mask)


def table(tmp_path, *rows: str, header: str = HEADER) -> None:
    (tmp_path / "own" / "labels.csv").write_text(header + "\n".join(rows) + "\n")


def test_images_and_masks_of_equal_names(tmp_path):
    add(tmp_path / "own", "a")
    add(tmp_path / "own", "b", cracked=False)
    dataset = fetched(tmp_path)
    # The crack is not always long enough for all four windows to lie apart.
    assert dataset.receipt.counts["Negative"] == 8
    assert 2 <= dataset.receipt.counts["Positive"] <= 4
    assert set(dataset.listing.photo) == {"photos/a", "photos/b"}
    assert set(dataset.listing.source) == {"photos"}
    assert all(Image.open(path).size == (64, 64) for path in dataset.paths)


def test_the_windows_of_a_photograph_do_not_depend_on_the_others(tmp_path):
    add(tmp_path / "own", "a")
    alone = fetched(tmp_path).listing
    add(tmp_path / "own", "b")
    both = fetched(tmp_path).listing
    assert both[both.photo == "photos/a"].sha256.tolist() == alone.sha256.tolist()
    assert fetched(tmp_path, seed=1).listing.sha256.tolist() != both.sha256.tolist()


def test_a_table_names_sets_photographs_and_patches(tmp_path):
    own = tmp_path / "own"
    add(own, "a")
    save(own / "patches" / "1.png", photograph(80, 80)[0])
    save(own / "large.jpg", photograph(cracked=False)[0])
    save(own / "unmasked.jpg", photograph()[0])
    table(
        tmp_path,
        "images/a.jpg,1,masks/a.png,road,7",
        "patches/1.png,1,,patches,8",
        "large.jpg,0,,,",
        "unmasked.jpg,1,,,",
    )
    dataset = fetched(tmp_path, patch_side=100)
    count = dataset.listing.groupby(["source", "photo", "label"]).size().to_dict()
    assert count == {
        ("road", "road/7", 0): 4,
        ("road", "road/7", 1): 4,
        ("patches", "patches/8", 1): 1,
        ("photos", "photos/large.jpg", 0): 4,
    }
    (left_out,) = dataset.receipt.rejected
    assert left_out.path == "unmasked.jpg"
    assert "cracked, without a mask, and larger than 100 pixels" in left_out.reason


def test_columns_of_a_table_may_be_missing(tmp_path):
    add(tmp_path / "own", "a")
    table(tmp_path, "images/a.jpg,1,masks/a.png", header="file,cracked,mask\n")
    assert set(fetched(tmp_path).listing.photo) == {"photos/images/a.jpg"}


def test_a_turned_photograph_fits_its_mask(tmp_path):
    """A camera stores the pixels lying, and says in EXIF that they are to be turned upright."""
    pixels, mask = photograph(300, 400)
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "own" / "images").mkdir(parents=True)
    lying = Image.fromarray(np.rot90(pixels))
    lying.save(tmp_path / "own" / "images" / "a.jpg", exif=exif, quality=95)
    save(tmp_path / "own" / "masks" / "a.png", mask)
    dataset = fetched(tmp_path)
    dark = [cv2.imread(str(path)).min() < 80 for path in dataset.paths]
    assert dark == (dataset.listing.label == 1).tolist()


def test_unusable_photographs_are_left_out_with_their_reason(tmp_path):
    own = tmp_path / "own"
    add(own, "a")
    add(own, "cut")
    (own / "images" / "cut.jpg").write_bytes((own / "images" / "cut.jpg").read_bytes()[:500])
    add(own, "other")
    save(own / "masks" / "other.png", np.zeros((10, 20), bool))
    add(own, "full", shape=(64, 64))
    dots = np.zeros((64, 64), bool)
    dots[::8, ::8] = True
    save(own / "masks" / "full.png", dots)
    reasons = {one.path: one.reason for one in fetched(tmp_path).receipt.rejected}
    assert reasons.pop("cut").startswith("cut.jpg cannot be read: ")
    assert reasons == {
        "other": "400 x 300 pixels, and its mask other.png has 20 x 10",
        "full": "no place for a window with a clear label",
    }


CRACK = np.zeros((300, 400), bool)
CRACK[100:110] = True


def transparent(opaque: np.ndarray) -> Image.Image:
    grey = Image.fromarray(np.full(opaque.shape, 255, np.uint8))
    return Image.merge("LA", (grey, Image.fromarray(opaque.astype(np.uint8) * 255)))


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (Image.fromarray(CRACK.astype(np.uint8)), "values from 0 to 1 and nothing white"),
        (
            Image.fromarray(CRACK.astype(np.uint16) * 5000),
            "from 0 to 5000 and nothing white",
        ),
        (Image.fromarray(CRACK[..., None] * np.uint8([255, 0, 0])), "nothing white"),
        (transparent(CRACK), "is transparent; cracks are white on black"),
    ],
)
def test_a_mask_without_white_is_not_taken_for_no_crack(tmp_path, mask, reason):
    add(tmp_path / "own", "a")
    add(tmp_path / "own", "odd")
    mask.save(tmp_path / "own" / "masks" / "odd.png")
    (left_out,) = fetched(tmp_path).receipt.rejected
    assert left_out.path == "odd"
    assert reason in left_out.reason


def test_numbers_in_a_jpeg_are_not_taken_for_no_crack(tmp_path):
    add(tmp_path / "own", "a")
    add(tmp_path / "own", "odd")
    (tmp_path / "own" / "masks" / "odd.png").unlink()
    Image.fromarray(CRACK.astype(np.uint8)).save(tmp_path / "own" / "masks" / "odd.jpg", quality=95)
    (left_out,) = fetched(tmp_path).receipt.rejected
    assert left_out.path == "odd"
    assert "nothing white" in left_out.reason


def test_a_mask_that_is_too_large_is_not_called_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(colour_pictures, "MOST_MEGAPIXELS", 1)
    Image.new("L", (2000, 1000)).save(tmp_path / "mask.png")
    with pytest.raises(UnusableImage) as error:
        read_mask(tmp_path / "mask.png")
    assert str(error.value) == "mask.png cannot be read: 2 megapixels, above the limit of 1"


def test_what_windows_puts_beside_photographs_is_passed_over(tmp_path):
    add(tmp_path / "own", "a")
    for folder in ("images", "masks"):
        for name in ("Thumbs.db", "desktop.ini"):
            (tmp_path / "own" / folder / name).write_bytes(b"?")
    dataset = fetched(tmp_path)
    assert dataset.receipt.rejected == ()
    assert set(dataset.listing.photo) == {"photos/a"}


def test_a_table_that_contradicts_its_masks_is_not_taken(tmp_path):
    add(tmp_path / "own", "a")
    add(tmp_path / "own", "b", cracked=False)
    table(tmp_path, "images/a.jpg,1,masks/a.png,,", "images/b.jpg,1,masks/b.png,,")
    reasons = [one.reason for one in fetched(tmp_path).receipt.rejected]
    assert reasons == ["the table has cracked=1, but its mask b.png is black"]
    (tmp_path / "own" / "masks" / "b.png").write_bytes(
        (tmp_path / "own" / "masks" / "a.png").read_bytes()
    )
    table(tmp_path, "images/a.jpg,1,masks/a.png,,", "images/b.jpg,0,masks/b.png,,")
    reasons = [one.reason for one in fetched(tmp_path).receipt.rejected]
    assert reasons == ["the table has cracked=0, but its mask b.png has cracks"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "labels.csv has no column cracked, file, mask"),
        ("file,cracked,mask\na.jpg,yes,\n", "a.jpg has cracked='yes'; give 0 or 1"),
        (HEADER + "a.jpg,1,,a b,\n", "the set 'a b' should have letters, digits, _ and - only"),
        (HEADER + "a/b.jpg,1,,,\na-b.jpg,1,,,\n", "two photographs would have windows named a-b"),
    ],
)
def test_a_table_that_is_not_as_expected_is_named(tmp_path, rows, message):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "labels.csv").write_text(rows or "other\n")
    with pytest.raises(InputError, match=re.escape(message)):
        fetched(tmp_path)


def test_folders_that_are_not_as_expected_are_named(tmp_path):
    with pytest.raises(InputError, match=r"own: no such folder; give a folder of photographs"):
        fetched(tmp_path)
    own = tmp_path / "own"
    (own / "images").mkdir(parents=True)
    with pytest.raises(InputError, match=r"masks: no such folder; photographs need labels.csv, or"):
        fetched(tmp_path)
    (own / "masks").mkdir()
    with pytest.raises(InputError, match="images holds no photograph"):
        fetched(tmp_path)
    add(own, "a")
    save(own / "masks" / "a.bmp", photograph()[1])
    with pytest.raises(InputError, match=r"a\.jpg has several masks in .*masks; give one mask"):
        fetched(tmp_path)
    for mask in (own / "masks").iterdir():
        mask.unlink()
    with pytest.raises(InputError, match=r"a\.jpg has no mask in .*masks; give one mask"):
        fetched(tmp_path)


def test_the_state_changes_with_the_files(tmp_path):
    source = source_at(tmp_path)
    assert source.state(()) is None
    add(tmp_path / "own", "a")
    before = source.state(())
    assert source.state(()) == before
    save(tmp_path / "own" / "masks" / "a.png", photograph(cracked=False)[1])
    assert source.state(()) != before


@pytest.mark.parametrize(("mode", "suffix"), [("RGBA", "png"), ("LA", "png"), ("CMYK", "tif")])
def test_masks_with_an_opaque_alpha_channel_or_inks_are_masks(tmp_path, mode, suffix):
    (tmp_path / "own" / "masks").mkdir(parents=True)
    for name, cracked in (("a", True), ("b", False)):
        pixels, mask = photograph(cracked=cracked)
        save(tmp_path / "own" / "images" / f"{name}.jpg", pixels)
        grey = Image.fromarray(mask.astype(np.uint8) * 255)
        converted = grey.convert("RGB").convert(mode) if mode == "CMYK" else grey.convert(mode)
        converted.save(tmp_path / "own" / "masks" / f"{name}.{suffix}")
    dataset = fetched(tmp_path)
    assert dataset.receipt.rejected == ()
    assert set(dataset.listing.photo[dataset.listing.label == 0]) == {"photos/a", "photos/b"}
    assert set(dataset.listing.photo[dataset.listing.label == 1]) == {"photos/a"}


def test_a_name_that_is_not_utf_8_is_left_out(tmp_path):
    add(tmp_path / "own", "a")
    add(tmp_path / "own", "b")
    for folder, suffix in (("images", "jpg"), ("masks", "png")):
        one = tmp_path / "own" / folder / f"b.{suffix}"
        os.rename(one, os.fsencode(one.parent) + b"/M\xfcnchen." + suffix.encode())  # noqa: PTH104
    (left_out,) = fetched(tmp_path).receipt.rejected
    assert (left_out.path, left_out.reason) == ("M\\xfcnchen", "its name is not UTF-8")


def test_the_state_changes_with_files_behind_links_and_outside_the_folder(tmp_path):
    add(tmp_path / "disk", "a")
    (tmp_path / "own").mkdir()
    for name in ("images", "masks"):
        (tmp_path / "own" / name).symlink_to(tmp_path / "disk" / name)
    # A circle of links ends.
    (tmp_path / "disk" / "images" / ".round").symlink_to(tmp_path / "own")
    source = source_at(tmp_path)
    before = source.state(())
    add(tmp_path / "disk", "b")
    linked = source.state(())
    assert linked != before
    save(tmp_path / "away.png", photograph()[0])
    table(tmp_path, "images/a.jpg,1,masks/a.png,,", "../away.png,0,,,")
    named = source.state(())
    save(tmp_path / "away.png", photograph(cracked=False)[0])
    assert source.state(()) not in (before, linked, named)


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_a_folder_among_the_pictures_is_refused(tmp_path, folder):
    add(tmp_path / "own", "a")
    (tmp_path / "own" / folder / ".thumbnails").mkdir()
    fetched(tmp_path)
    (tmp_path / "own" / folder / "north").mkdir()
    with pytest.raises(InputError, match=rf"{folder} holds a folder, north: put the pictures str"):
        fetched(tmp_path)


def test_names_are_the_same_however_accents_are_written(tmp_path):
    pixels, mask = photograph()
    save(tmp_path / "own" / "images" / "Bru\u0308cke.jpg", pixels)
    save(tmp_path / "own" / "masks" / "Br\u00fccke.png", mask)
    assert fetched(tmp_path).receipt.rejected == ()
