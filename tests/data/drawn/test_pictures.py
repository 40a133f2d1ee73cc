"""The drawn concrete: reproducible bytes, honest labels, one scale for patches and photos."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from src.config.loader import ROOT
from src.data.drawn.pictures import draw_patch, draw_photo, write_patches
from src.errors import InputError


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def drop(seed: int, size: int) -> np.ndarray:
    """How much darker each pixel of a patch is for its crack."""
    plain, cracked = (
        draw_patch(np.random.default_rng(seed), cracked=cracked, size=size).mean(axis=2)
        for cracked in (False, True)
    )
    return plain - cracked


@pytest.mark.slow
def test_another_process_writes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from src.data.drawn.pictures import write_patches\n"
        "write_patches(Path(sys.argv[1]), images=6, seed=3, size=96)"
    )
    there = tmp_path / "there"
    subprocess.run([sys.executable, "-c", program, there], check=True, cwd=ROOT)
    write_patches(tmp_path / "here", images=6, seed=3, size=96)
    write_patches(tmp_path / "other", images=6, seed=4, size=96)
    here, other = contents(tmp_path / "here"), contents(tmp_path / "other")
    assert here == contents(there)
    assert here.keys() == other.keys()
    assert not set(here.values()) & set(other.values())


@pytest.mark.slow
def test_more_images_keep_the_first_ones_bytes(tmp_path: Path) -> None:
    write_patches(tmp_path / "few", images=10, seed=0, size=64)
    write_patches(tmp_path / "many", images=20, seed=0, size=64)
    few, many = contents(tmp_path / "few"), contents(tmp_path / "many")
    assert few.items() <= many.items()
    assert len(set(many.values())) == 20


def test_patches_are_rgb_jpegs_of_the_asked_size_half_in_each_class(tmp_path: Path) -> None:
    target = tmp_path / "new" / "patches"
    write_patches(target, images=6, seed=0, size=100)
    numbers = ("00001.jpg", "00002.jpg", "00003.jpg")
    expected = {f"{name}/{number}" for name in ("Negative", "Positive") for number in numbers}
    assert contents(target).keys() == expected
    for name in expected:
        with Image.open(target / name) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (100, 100))


def test_a_killed_run_can_be_repeated_and_leaves_nothing(tmp_path: Path) -> None:
    stale = tmp_path / ".patches.part" / "Positive"
    stale.mkdir(parents=True)
    (stale / "00009.jpg").write_bytes(b"half")
    write_patches(tmp_path / "patches", images=2, seed=0, size=64)
    assert contents(tmp_path).keys() == {"patches/Negative/00001.jpg", "patches/Positive/00001.jpg"}
    assert [path.name for path in tmp_path.iterdir()] == ["patches"]


def test_a_failed_run_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="non-negative"):
        write_patches(tmp_path / "patches", images=2, seed=-1, size=64)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("images", "size", "message"),
    [(7, 64, "images is 7"), (0, 64, "images is 0"), (2, 63, "size is 63")],
)
def test_refused_settings_are_named(tmp_path: Path, images: int, size: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_patches(tmp_path / "patches", images=images, seed=0, size=size)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="already holds files"):
        write_patches(tmp_path, images=2, seed=0, size=64)
    assert contents(tmp_path) == {"mine.txt": b"keep"}


@pytest.mark.parametrize("cracked", [False, True])
def test_a_patch_is_a_square_rgb_image(cracked: bool) -> None:
    patch = draw_patch(np.random.default_rng(0), cracked=cracked, size=227)
    assert patch.dtype == np.uint8
    assert patch.shape == (227, 227, 3)


@pytest.mark.parametrize("seed", range(24))
def test_a_cracked_patch_shows_a_long_dark_crack(seed: int) -> None:
    darker = drop(seed, 227)
    rows, columns = np.nonzero(darker > 15)
    assert len(rows) > 227
    assert np.hypot(np.ptp(rows), np.ptp(columns)) > 227 / 3
    assert np.mean(darker == 0) > 0.1  # the same concrete beside the crack


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    width=st.integers(64, 400),
    height=st.integers(64, 400),
    cracks=st.integers(1, 4),
)
def test_a_photo_is_darker_under_its_mask_and_unchanged_far_from_it(
    seed: int, width: int, height: int, cracks: int
) -> None:
    photo, mask = draw_photo(np.random.default_rng(seed), width=width, height=height, cracks=cracks)
    plain, empty = draw_photo(np.random.default_rng(seed), width=width, height=height, cracks=0)
    assert photo.shape == plain.shape == (height, width, 3)
    assert photo.dtype == np.uint8
    assert mask.shape == (height, width)
    assert mask.dtype == np.bool_
    assert mask.any()
    assert not empty.any()
    assert photo[mask].mean() < plain[mask].mean() - 5
    # A crack may run just outside the frame and show its pale lip only.
    near = np.pad(mask, 1, constant_values=True)
    far = cv2.dilate(near.astype(np.uint8), np.ones((81, 81)))[1:-1, 1:-1] == 0
    assert (photo[far] == plain[far]).all()


def test_masked_pixels_are_darker_than_their_surroundings() -> None:
    contrasts = []
    for seed in range(12):
        photo, mask = draw_photo(np.random.default_rng(seed), width=400, height=300, cracks=1)
        around = cv2.dilate(mask.astype(np.uint8), np.ones((61, 61))) > mask
        contrasts.append(photo[around].mean() - photo[mask].mean())
    assert min(contrasts) > 0
    assert np.mean(contrasts) > 40


def test_a_tile_of_a_photo_has_the_grain_of_a_patch() -> None:
    def grain(image: np.ndarray) -> float:
        grey = image.mean(axis=2)
        return float((grey - cv2.GaussianBlur(grey, (0, 0), 2)).std())

    patches, tiles = [], []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        patches.append(grain(draw_patch(rng, cracked=False, size=227)))
        photo, _ = draw_photo(rng, width=908, height=908, cracks=0)
        tiles.append(grain(photo[:227, :227]))
    assert 0.7 < np.median(tiles) / np.median(patches) < 1.4


def test_a_larger_photo_has_no_wider_cracks() -> None:
    def breadth(seed: int, width: int, height: int) -> float:
        rng = np.random.default_rng(seed)
        _, mask = draw_photo(rng, width=width, height=height, cracks=1)
        return float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5).max())

    small = [breadth(seed, 227, 227) for seed in range(16)]
    large = [breadth(seed, 1816, 454) for seed in range(16)]
    assert 0.5 < np.median(large) / np.median(small) < 2
