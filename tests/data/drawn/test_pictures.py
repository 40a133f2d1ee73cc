"""Folders of drawn patches: reproducible bytes, refused settings, nothing left by a failure."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.config.loader import ROOT
from src.data.drawn import pictures
from src.data.drawn.pictures import draw_patch, write_patches
from src.errors import InputError


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


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
def test_more_images_keep_the_first_ones_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_patches(tmp_path / "few", images=10, seed=0, size=64)
    # Other processes draw these.
    monkeypatch.setattr(pictures, "FEW", 0)
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


def test_a_dashed_line_of_few_points_can_be_drawn() -> None:
    patch = draw_patch(np.random.default_rng([0, 1, 718]), cracked=True, size=96)
    assert patch.shape == (96, 96, 3)
