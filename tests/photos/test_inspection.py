"""Folders of photos that are not as they should be, and outputs that can't be written."""

import io
import resource
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.config.loader import compose_as
from src.config.tool_schema import Predict
from src.data.decoding.unreadable import Unreadable
from src.errors import InputError
from src.model.decision import undecided
from src.photos.inspection import NOTE, inspect
from src.photos.inspector import Inspector
from src.photos.photo_model import loaded_model
from src.photos.photo_search import find_photos
from src.photos.records import place
from src.photos.scoring import Scorer, build_scorer
from tests.pictures import header_of, saved

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scorer(classifier) -> Scorer:
    """A scorer with the settings of src.predict."""
    decision = undecided("a" * 64, "openvino", "f32")
    engine = compose_as(Predict, "predict/config", ["input=-", "output=-"]).engine
    return build_scorer(classifier, decision, engine)


@pytest.fixture(scope="module")
def model(classifier, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("model") / "model.keras"
    classifier.save(file)
    return file


@pytest.fixture
def settings(model, tmp_path):
    """Settings for the photos in the folder `in` of a temporary folder."""

    def composed(*overrides: str) -> Predict:
        common = [f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}", f"model={model}"]
        return compose_as(Predict, "predict/config", ["engine.precision=f32", *common, *overrides])

    (tmp_path / "in").mkdir()
    return composed


def test_whatever_one_photo_does_the_others_are_done(settings, tmp_path, photo):
    for name, content in {
        "sound.png": saved(photo, "PNG"),
        "no-palette.png": header_of(1, 1, colour=3, content=b"\0\0"),
        "long.png": saved(Image.new("1", (1, 65535)), "PNG"),
        "narrow.png": saved(Image.new("1", (1, 65500)), "PNG"),
        "postscript.jpg": saved(photo, "EPS"),
        "empty.jpg": b"",
        "a.png": saved(photo, "PNG"),
        "a.png.jpg/b.png": saved(photo, "PNG"),
    }.items():
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    (tmp_path / "in" / "gone").symlink_to("nowhere")
    (tmp_path / "in" / "b.png").write_bytes(saved(photo, "PNG"))
    (tmp_path / "out" / "overlays" / "b.png.jpg" / "mine").mkdir(parents=True)
    done = inspect(settings())
    names = {record["photo"] for record in done.records}
    assert names == {"sound.png", "narrow.png", "a.png", "a.png.jpg/b.png"}
    reasons = dict(done.unreadable)
    assert "b.png.jpg cannot be written" in reasons.pop("b.png")
    assert reasons == {
        "no-palette.png": "damaged or cut short",
        "long.png": "65535 pixels long, above the 65500 that can be",
        "postscript.jpg": "not an image in JPEG, PNG, TIFF, WebP or HEIC",
        "empty.jpg": "empty file",
        "gone": "a link to nothing",
    }
    assert inspect(settings()).done_before == len(names)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "there was not enough memory for it"),
        (ValueError("of\nlibrary"), "unexpected ValueError: of library"),
        (AssertionError(), "unexpected AssertionError: AssertionError"),
        (Unreadable("too dark"), "too dark"),
    ],
)
def test_an_error_while_one_photo_is_scored_is_its_reason(
    settings, classifier, scorer, tmp_path, photo, error, reason
):
    for name, size in (("a.png", (96, 96)), ("b.png", (97, 96)), ("c.png", (200, 100))):
        photo.resize(size).save(tmp_path / "in" / name)
    config = settings()
    model = loaded_model(classifier)
    inspector = Inspector(config, model, {"weights": "of a test"}, scorer.decision, {})
    shallow = scorer.shallow

    def failing(batches):
        for batch in shallow(batches):
            if batch.shape[2] > 12:  # features of what is wider than a patch
                raise error
            yield batch

    inspector.scorer = replace(scorer, shallow=failing)
    found = find_photos(tmp_path / "in", [".png"], output=tmp_path / "out")
    places = [place(path, tmp_path / "in", tmp_path / "out") for path in found.photos]
    records, unreadable, _ = inspector.inspect_all(places)
    assert [record["photo"] for record in records] == ["a.png"]
    assert unreadable == [("b.png", reason), ("c.png", reason)]


def test_damaged_results_are_made_again(settings, tmp_path, photo):
    for name, width in (("a.png", 400), ("b.png", 380), ("c.png", 360)):
        photo.crop((0, 0, width, 300)).save(tmp_path / "in" / name)
    made = inspect(settings())
    kept = [path for path in (tmp_path / "out").rglob("*") if path.parent.name != "out"]
    kept = sorted(path for path in kept if path.is_file())
    assert sorted(path.suffix for path in kept) == [".jpg"] * 6 + [".json"] * 3 + [".png"] * 3
    whole = {path: path.read_bytes() for path in kept}
    (record, *_) = [path for path in kept if b'"a.png"' in whole[path]]
    overlay = tmp_path / "out" / "overlays" / "b.png.jpg"
    damaged = {record: whole[record].replace(b'"width": 400', b'"width": 401'), overlay: b""}
    for path, content in damaged.items():
        assert content != whole[path]
        path.write_bytes(content)
    again = inspect(settings())
    assert again.done_before == 1
    assert again.records == made.records
    assert {path: path.read_bytes() for path in kept} == whole
    assert inspect(settings()).done_before == 3


def file_as_output(out: Path) -> None:
    out.write_text("mine")


def file_above_output(out: Path) -> None:
    out.parent.joinpath("above").write_text("mine")


def folder_as_report(out: Path) -> None:
    (out / "report.html").mkdir(parents=True)


def folder_as_table(out: Path) -> None:
    (out / "photos.csv").mkdir(parents=True)


def linked_overlays(out: Path) -> None:
    (out.parent / "mine").mkdir()
    out.mkdir()
    (out / "overlays").symlink_to(out.parent / "mine")


def linked_records(out: Path) -> None:
    (out.parent / "mine").mkdir()
    out.mkdir()
    (out / ".records").symlink_to(out.parent / "mine")


def file_as_overlays(out: Path) -> None:
    out.mkdir()
    (out / "overlays").write_text("mine")


@pytest.mark.parametrize(
    ("obstacle", "message"),
    [
        (file_as_output, "output: .*out: a file lies where a folder should be"),
        (file_as_overlays, "output: .*overlays: a file lies where a folder should be"),
        (folder_as_report, r"output: .*report\.html is a folder, and a file is to be written"),
        (folder_as_table, r"output: .*photos\.csv is a folder, and a file is to be written"),
        (linked_overlays, "output: .*overlays is a link, and nothing is written through links"),
        (linked_records, r"output: .*\.records is a link, and nothing is written through links"),
    ],
)
def test_an_output_that_can_t_be_written_is_said_at_once(
    settings, tmp_path, photo, obstacle, message
):
    photo.save(tmp_path / "in" / "a.png")
    obstacle(tmp_path / "out")
    with pytest.raises(InputError, match=message):
        inspect(settings("model=gone.keras"))
    mine = tmp_path / "mine"
    assert not mine.exists() or not list(mine.iterdir())


def test_an_output_below_a_file_is_said_at_once(settings, tmp_path, photo):
    photo.save(tmp_path / "in" / "a.png")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"output: .*file/out: a file lies where a folder"):
        inspect(settings(f"output={tmp_path / 'file' / 'out'}", "model=gone.keras"))


def test_a_disk_that_takes_no_more_is_one_sentence(settings, tmp_path, capsys, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    for name in ("a.png", "b.png"):
        Image.fromarray(noise).save(tmp_path / "in" / name)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        # The system refuses to write on, as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        # Pytest keeps the output in a file, which could not grow either. A progress bar that fails
        # to write would keep its lock for ever.
        with capsys.disabled(), monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", io.StringIO())
            with pytest.raises(InputError, match=r"cannot be written: File too l"):
                inspect(settings())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    left = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    # The note of the model is short and whole. Nothing of a photo is left.
    assert left == [NOTE]


def test_damaged_corrections_are_told_before_photos_are_inspected(tmp_path):
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "corrections.csv").write_text("photo,x\na.png,left\n")
    given = [f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}", "model=gone.keras"]
    with pytest.raises(InputError, match=r"corrections\.csv, line 2"):
        inspect(compose_as(Predict, "predict/config", given))
