"""A folder or an archive on this machine becomes one folder a class."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from src.data.dataset import Rejected, read_receipt, write_receipt
from src.data.sources import local
from src.data.sources.collection import collect_images
from src.data.sources.local import LocalSource, refuse_overlap
from src.errors import InputError
from tests.data.sources.samples import CLASSES, NAMES, dataset, lay_out, pack, read, section

FILES = dataset(NAMES)


def collected(tmp_path: Path, path: Path) -> dict[str, bytes]:
    staging = tmp_path / "staging"
    staging.mkdir()
    LocalSource(path, max_ratio=20).collect(staging, CLASSES)
    assert sorted(entry.name for entry in staging.iterdir()) == sorted(CLASSES)
    return read(staging)


def below(folder: str) -> dict[str, bytes]:
    return {f"{folder}/{name}": data for name, data in FILES.items()}


@pytest.mark.parametrize("kind", ["folder", "a.rar", "a.zip", "a.tar", "a.tar.gz", "a.tar.xz"])
@pytest.mark.parametrize("depth", ["", "METU/images/"])
def test_class_folders_are_found_at_any_depth(tmp_path: Path, kind: str, depth: str) -> None:
    files = {f"{depth}{name}": data for name, data in FILES.items()} | {"readme.txt": b"?"}
    origin = tmp_path / kind
    if kind == "folder":
        lay_out(origin, files)
    else:
        pack(origin, files)
    assert collected(tmp_path, origin) == FILES


def test_the_classes_may_lie_apart(tmp_path: Path) -> None:
    apart = {f"{name[:3]}/{name}": data for name, data in FILES.items()}
    assert collected(tmp_path, lay_out(tmp_path / "in", apart)) == FILES


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
def test_an_empty_class_folder_of_an_archive_is_a_folder(tmp_path: Path, kind: str) -> None:
    whole = {name: data for name, data in FILES.items() if name.startswith(CLASSES[0])}
    (lay_out(tmp_path / "own", whole) / CLASSES[1]).mkdir()
    archive = shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path / "own")
    assert collected(tmp_path, Path(archive)) == whole


def test_class_folders_are_found_however_their_accents_are_written(tmp_path: Path) -> None:
    (tmp_path / "own" / "gru\u0308n").mkdir(parents=True)
    (tmp_path / "own" / "no crack").mkdir()
    (tmp_path / "staging").mkdir()
    LocalSource(tmp_path / "own", max_ratio=20).collect(
        tmp_path / "staging", ["no crack", "gr\u00fcn"]
    )
    assert {path.name for path in (tmp_path / "staging").iterdir()} == {"no crack", "gr\u00fcn"}


def test_a_pattern_of_photographs_that_fits_no_file_is_refused(
    tmp_path: Path, heard: Callable[[ModuleType], list[str]]
) -> None:
    messages = heard(local)
    own = lay_out(tmp_path / "own", FILES)
    (tmp_path / "one").mkdir()
    LocalSource(own, 20, r"^(0*1)\.jpg").collect(tmp_path / "one", CLASSES)
    (said,) = messages
    assert "does not fit 2 of 4 files" in said
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="fits no file, such as "):
        LocalSource(own, 20, "^(nowhere)-").collect(tmp_path / "none", CLASSES)


def test_a_folder_stays_as_it_is(tmp_path: Path) -> None:
    origin = lay_out(tmp_path / "in", FILES)
    collected(tmp_path, origin)
    (tmp_path / "staging" / NAMES[0]).write_bytes(b"changed")
    assert read(origin) == FILES


def test_dead_links_and_pipes_among_the_images_are_left_out_and_listed(tmp_path: Path) -> None:
    origin = lay_out(tmp_path / "in", FILES)
    (origin / "Negative" / ".#a.jpg").symlink_to("nowhere")
    os.mkfifo(origin / "Positive" / "pipe.jpg")
    data = section(tmp_path / "data")
    source = LocalSource(origin, max_ratio=20)
    assert source.state(CLASSES)
    receipt = collect_images(source, data, reuse=False).receipt
    assert [one.path for one in receipt.rejected] == ["Negative/.#a.jpg", "Positive/pipe.jpg"]
    assert {one.reason for one in receipt.rejected} == {"a dead link, or no plain file"}


def test_what_macos_adds_to_a_zip_is_passed_over(tmp_path: Path) -> None:
    files = FILES | {"__MACOSX/Positive/._00001.jpg": b"?", ".trash/Positive/00009.jpg": b"?"}
    assert collected(tmp_path, pack(tmp_path / "a.zip", files)) == FILES


@pytest.mark.parametrize("kind", ["folder", "a.zip"])
def test_hidden_folders_among_the_images_are_left_out_and_listed(tmp_path: Path, kind: str) -> None:
    hidden = {
        "Negative/@eaDir/00001.jpg/thumbnail.jpg": b"?",
        "Negative/@eaDir/Positive/1.jpg": b"?",
        "Positive/.ipynb_checkpoints/00001-checkpoint.jpg": b"?",
    }
    origin = tmp_path / kind
    if kind == "folder":
        lay_out(origin, FILES | hidden)
    else:
        pack(origin, FILES | hidden)
    source, data = LocalSource(origin, max_ratio=20), section(tmp_path / "data")
    receipt = collect_images(source, data, reuse=False).receipt
    assert receipt.rejected == (
        Rejected("Negative/@eaDir", "hidden folder"),
        Rejected("Positive/.ipynb_checkpoints", "hidden folder"),
    )
    assert read(tmp_path / "data") == FILES
    assert source.state(CLASSES) == source.state(CLASSES)


def test_a_name_in_no_encoding_is_left_out_and_listed(tmp_path: Path) -> None:
    origin = lay_out(tmp_path / "in", FILES)
    (origin / "Positive" / os.fsdecode(b"\xff.jpg")).write_bytes(FILES[NAMES[0]])
    source, data = LocalSource(origin, max_ratio=20), section(tmp_path / "data")
    dataset = collect_images(source, data, reuse=False)
    assert dataset.receipt.rejected == (Rejected("Positive/\\xff.jpg", "its name is not UTF-8"),)
    assert read(tmp_path / "data") == FILES
    assert source.state(CLASSES) is not None
    write_receipt(dataset.receipt, tmp_path / "receipt.json")
    assert read_receipt(tmp_path / "receipt.json") == dataset.receipt


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {"a/Negative/1.jpg": b"", "a/positive/1.jpg": b""},
            "holds no folder named Positive; found: a, a/Negative, a/positive. The setting 'data.",
        ),
        ({"1.jpg": b""}, "holds no folder named Negative; found: no folder at all"),
        (
            below("train") | below("test"),
            "holds several folders named Negative; found: test/Negative, train/Negative",
        ),
        (
            FILES | {"Positive/bridge/1.jpg": b""},
            "the folder Positive holds a folder, bridge; put the images of a class straight",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "a.zip"])
def test_a_layout_that_leaves_doubt_is_refused(
    tmp_path: Path, kind: str, files: dict[str, bytes], problem: str
) -> None:
    origin = tmp_path / kind
    if kind == "folder":
        lay_out(origin, files)
    else:
        pack(origin, files)
    with pytest.raises(InputError) as refusal:
        collected(tmp_path, origin)
    assert str(refusal.value).startswith(str(origin))
    assert problem in str(refusal.value)


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        ("photos", "photos"),
        ("photos/raw", "photos"),
        ("photos", "photos/fetched"),
        ("photos/all.zip", "photos"),
        ("elsewhere", "photos"),
        ("photos", "elsewhere/fetched"),
    ],
)
def test_images_in_the_folder_they_would_be_fetched_into_are_refused(
    tmp_path: Path, origin: str, target: str
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "photos")
    with pytest.raises(InputError, match="lie one in the other"):
        refuse_overlap(tmp_path / origin, tmp_path / target)
    refuse_overlap(tmp_path / origin, tmp_path / "photos-fetched")


def test_nothing_at_the_path_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such file.* holds the folders Negative, Po"):
        collected(tmp_path, tmp_path / "nowhere")
