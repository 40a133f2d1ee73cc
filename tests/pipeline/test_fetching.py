"""Images are fetched once, again when their source has changed, and never over a person's own."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from src.config.loader import ROOT
from src.config.schema import Config
from src.data.dataset import Dataset
from src.errors import InputError
from src.pipeline import fetching
from src.pipeline.earlier_work import take_over
from src.pipeline.fetching import fetched_dataset


@pytest.mark.slow
def test_two_processes_fetch_once(tmp_path):
    command = [sys.executable, "-m", "src.split", "~local", "data.images=40", "data.image_size=96"]
    both = [
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TQDM_DELAY": "0"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    errors = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert sum("drawing patches" in error for error in errors) == 1


@pytest.fixture
def own(tmp_path, patches) -> Path:
    """A folder of a person's own patches, five of each class."""
    root, listing = patches
    for label in (0, 1):
        for path in listing.path[listing.label == label].head(5):
            (tmp_path / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / path, tmp_path / "photos" / path)
    return tmp_path / "photos"


@pytest.mark.slow
@pytest.mark.parametrize("spoilt", [False, True])
def test_another_workspace_that_has_the_images_is_taken_over(own, tmp_path, composed, spoilt):
    given = ("data=local", f"data.path={own}", f"data.dir={tmp_path}/images", "data.image_size=96")
    first, second = tmp_path / "outputs/demo", tmp_path / "outputs/other"
    config = composed(*given, "data.minimum_images=10")
    before = fetched_dataset(config.data, first)
    (image,) = before.paths[:1]
    if spoilt:
        listing = first / "images.csv"
        listing.write_text(listing.read_text() + "x\n")
    written = image.stat().st_mtime_ns
    after = fetched_dataset(config.data, second)
    # What is not as the fetch left it is fetched anew.
    assert (image.stat().st_mtime_ns == written) is not spoilt
    pd.testing.assert_frame_equal(after.listing, before.listing)


def test_a_folder_that_cannot_be_looked_into_is_passed_over(tmp_path):
    (tmp_path / "theirs").mkdir()
    # The system refuses so long a name, as it refuses another user's folder.
    assert not take_over(tmp_path / "mine", ("x" * 300,), lambda folder: True)


def fetched(config: Config) -> Dataset:
    return fetched_dataset(config.data, Path(config.workspace))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*.jpg")}


@pytest.mark.slow
def test_ones_own_photos_are_never_the_folder_that_a_fetch_fills(tmp_path, composed, own):
    before = contents(own)
    given = (f"data.dir={own}", f"workspace={tmp_path}", "data.minimum_images=10")
    with pytest.raises(InputError, match=r"photos would be replaced, but holds .* and 9 more"):
        fetched(composed("data.image_size=96", *given))
    for path in (own, own / "Positive", tmp_path):
        with pytest.raises(InputError, match="lie one in the other"):
            fetched(composed("data=local", f"data.path={path}", *given))
    assert contents(own) == before


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_what_has_changed_at_its_source_is_fetched_again(tmp_path, composed, own, kind):
    packed = tmp_path / "photos.tar"
    config = composed(
        "data=local",
        f"data.path={own if kind == 'folder' else packed}",
        f"data.dir={tmp_path / 'fetched' / 'images'}",
        f"workspace={tmp_path / 'fetched'}",
        "data.image_size=96",
        "data.minimum_images=10",
    )

    def hashes() -> dict[str, str]:
        if kind == "archive" and own.exists():
            shutil.make_archive(str(tmp_path / "photos"), "tar", own)
        listing = fetched(config).listing
        return dict(zip(listing.path, listing.sha256, strict=True))

    first = hashes()
    positive = sorted((own / "Positive").iterdir())
    positive[0].rename(own / "Negative" / "relabelled.jpg")
    second = hashes()
    assert second.keys() ^ first.keys() == {
        f"Positive/{positive[0].name}",
        "Negative/relabelled.jpg",
    }
    shutil.copy(positive[1], own / "Positive" / "new.jpg")
    third = hashes()
    assert third == second | {"Positive/new.jpg": second[f"Positive/{positive[1].name}"]}
    shutil.copy(positive[2], own / "Positive" / "new.jpg")
    fourth = hashes()
    assert fourth == third | {"Positive/new.jpg": third[f"Positive/{positive[2].name}"]}

    shutil.rmtree(own)
    packed.unlink(missing_ok=True)
    assert hashes() == fourth


def test_what_has_not_changed_at_its_source_is_found_again(tmp_path, composed, own):
    images = tmp_path / "images"
    given = (f"data.path={own}", f"data.dir={images}", f"workspace={tmp_path}")
    config = composed("data=local", "data.image_size=96", "data.minimum_images=10", *given)
    first = fetched(config)
    # Which a fetch would refuse to replace.
    (images / "Positive" / "note.txt").touch()
    found = fetched(config)
    pd.testing.assert_frame_equal(found.listing, first.listing)
    assert found.receipt == first.receipt
    assert (found.folder, found.classes, found.image_size) == (images, ["Negative", "Positive"], 96)


def test_files_that_are_left_out_are_said_once(tmp_path, composed, own, heard):
    (own / "Positive" / "notes.txt").write_text("seen in May")
    given = (f"data.path={own}", f"data.dir={tmp_path / 'images'}", f"workspace={tmp_path}")
    config = composed("data=local", "data.image_size=96", "data.minimum_images=10", *given)
    messages = heard(fetching)
    for _ in range(2):
        fetched(config)
        (said,) = messages
        assert said.startswith("local: 1 left out, such as Positive/notes.txt: ")
        assert said.endswith("receipt.json lists all")


def test_a_stage_of_dvc_does_not_fetch_for_another(tmp_path, composed, own, monkeypatch):
    given = (f"data.path={own}", f"data.dir={tmp_path / 'images'}", f"workspace={tmp_path}")
    config = composed("data=local", "data.image_size=96", "data.minimum_images=10", *given)
    fetched(config)
    monkeypatch.setenv("DVC_STAGE", "train")
    fetched(config)
    shutil.copy(own / "Positive" / "00001.jpg", own / "Positive" / "new.jpg")
    with pytest.raises(InputError, match="have changed since the fetch stage ran: run `dvc repro"):
        fetched(config)


@pytest.mark.slow
@pytest.mark.parametrize("source", ["synthetic", "drawn"])
def test_images_of_other_drawing_code_are_drawn_again(tmp_path, composed, monkeypatch, source):
    few = {
        "synthetic": ["data.images=12"],
        "drawn": ["data.photos=12", "data.height=128", "data.width=160", "data.cracked=1"],
    }[source]
    config = composed(
        f"data={source}",
        *few,
        f"data.dir={tmp_path / 'images'}",
        f"workspace={tmp_path}",
        "data.image_size=64",
        "data.minimum_images=10",
    )
    module = importlib.import_module(f"src.data.sources.{source}")
    monkeypatch.setattr(module, "code_fingerprint", lambda name: f"older {name}")
    fetched(config)
    written = {file: file.stat().st_mtime_ns for file in (tmp_path / "images").rglob("*.jpg")}
    assert written
    assert fetched(config)
    assert written == {file: file.stat().st_mtime_ns for file in written}
    monkeypatch.undo()
    fetched(config)
    assert all(file.stat().st_mtime_ns > before for file, before in written.items())
