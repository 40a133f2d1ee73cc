"""Which photos a folder holds, and that nothing in it is left out silently."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from src.errors import InputError
from src.photos.photo_search import FoundPhotos, find_photos
from src.photos.records import place
from tests.conftest import ROOT

EXTENSIONS = (".jpg", ".png")


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    return Image.new("RGB", (8, 8))


def names_in(root: Path, found: FoundPhotos) -> tuple[list[str], dict[str, str]]:
    photos = [path.relative_to(root).as_posix() for path in found.photos]
    return photos, {path.relative_to(root).as_posix(): why for path, why in found.skipped}


def test_links_are_followed_once_and_what_is_skipped_is_named(tmp_path, scene):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    for folder in (site / "north", elsewhere / "deep"):
        folder.mkdir(parents=True)
        scene.save(folder / "a.png")
    # In, up, out, out again, around, to nothing, and to a photo.
    (site / "also-north").symlink_to("north")
    (site / "north" / "loop").symlink_to(site)
    (site / "other").symlink_to(elsewhere)
    (site / "other-again").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(site / "north")
    (elsewhere / "around").symlink_to(elsewhere)
    (site / "up").symlink_to("..")
    (site / "self.png").symlink_to("self.png")
    (site / "gone").symlink_to("nowhere")
    (site / "gone.png").symlink_to("nowhere.png")
    (site / "gone.txt").symlink_to("nowhere.txt")
    (site / "linked.png").symlink_to(elsewhere / "deep" / "a.png")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(site / "socket.jpg"))
    assert names_in(site, find_photos(site, EXTENSIONS, output=tmp_path / "out")) == (
        ["linked.png", "north/a.png", "other/deep/a.png"],
        {
            "gone": "a link to nothing",
            "gone.png": "a link to nothing",
            "self.png": "Too many levels of symbolic links",
            "socket.jpg": "not a file",
            "up": "a link to a folder that holds the input",
        },
    )


def test_a_folder_without_permission_is_named(tmp_path, scene):
    for name in ("shut", "listed-only", "open"):
        (tmp_path / name).mkdir()
        scene.save(tmp_path / name / "a.png")
    (tmp_path / "shut").chmod(0)
    (tmp_path / "listed-only").chmod(0o444)
    search = """
import os
from pathlib import Path
from src.photos.photo_search import FoundPhotos, find_photos
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
found = find_photos(Path("."), [".png"], output=Path("/nowhere/out"))
print([str(path) for path in found.photos], [(str(path), why) for path, why in found.skipped])
"""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    ended = subprocess.run(
        [sys.executable, "-c", search],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    (tmp_path / "shut").chmod(0o755)
    (tmp_path / "listed-only").chmod(0o755)
    skipped = [("listed-only/a.png", "Permission denied"), ("shut", "Permission denied")]
    assert ended.stdout == f"{['open/a.png']} {skipped}\n", ended.stderr


def test_a_folder_of_which_nothing_can_be_read_is_no_error(tmp_path):
    (tmp_path / "gone.png").symlink_to("nowhere")
    found = find_photos(tmp_path, EXTENSIONS, output=tmp_path / "out")
    assert names_in(tmp_path, found) == ([], {"gone.png": "a link to nothing"})


def test_photos_of_a_folder(tmp_path, scene):
    for name in ("b.JPG", "deep/er/a.png", "notes.txt", ".hidden.jpg", ".git/c.jpg", "out/d.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        scene.save(tmp_path / name, "JPEG")
    found = find_photos(tmp_path, EXTENSIONS, output=tmp_path / "out")
    assert names_in(tmp_path, found) == (["b.JPG", "deep/er/a.png"], {})
    single = tmp_path / "notes.txt"
    assert find_photos(single, EXTENSIONS, output=tmp_path).photos == [single]


def test_marked_photos_of_any_run_are_no_photos(tmp_path, scene):
    marked = [place(tmp_path / "a.png", tmp_path, tmp_path / run) for run in ("one", "two/deep")]
    # As after a run over a single photo, with its own folder as output.
    marked.append(place(tmp_path / "mine" / "b.png", tmp_path / "mine", tmp_path / "mine"))
    # A run's folder is known by its records.
    for at in marked:
        at.record.parent.mkdir(parents=True)
    pictures = [path for at in marked for path in (at.overlay, at.preview)]
    mine = [tmp_path / "a.png", tmp_path / "mine/b.png", tmp_path / "overlays/c.png"]
    for path in (*pictures, *mine):
        path.parent.mkdir(parents=True, exist_ok=True)
        scene.save(path)
    assert find_photos(tmp_path, EXTENSIONS, output=tmp_path / "three").photos == mine


@pytest.mark.parametrize("output", [".", "site", "site/../site/north"])
def test_output_must_not_hold_the_input(tmp_path, scene, output):
    photos = tmp_path / "site" / "north"
    photos.mkdir(parents=True)
    scene.save(photos / "a.png")
    with pytest.raises(
        InputError, match=r"output: .* holds the input .*north; name another folder"
    ):
        find_photos(photos, EXTENSIONS, output=tmp_path / output)


def test_no_photos_and_no_folder_are_errors(tmp_path):
    with pytest.raises(InputError, match="has no photos"):
        find_photos(tmp_path, EXTENSIONS, output=tmp_path / "out")
    with pytest.raises(InputError, match="no such file or folder"):
        find_photos(tmp_path / "gone", EXTENSIONS, output=tmp_path)
