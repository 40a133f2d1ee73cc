"""src.predict as its users have it: a folder of photos in, report, tables and marked photos out."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from src.config.loader import CONF, compose_as
from src.config.tool_schema import Predict
from src.data.drawn.photograph import draw_photograph
from src.errors import InputError
from src.model.decision import DECISION
from src.photos.inspection import Inspection, inspect, load_model_of
from src.tracking import runs
from src.tracking.logged_models import log_model
from tests.registry.samples import decision
from tests.samples import light_classifier
from tests.tracking.store import put_database

pytestmark = pytest.mark.slow
EVIL = "<img src=x onerror=alert(1)> & 'Ä'.jpg"
BROKEN = "broken <i>.png"


def settings(*overrides: str) -> Predict:
    return compose_as(Predict, "predict/config", ["engine.precision=f32", *overrides])


def ran(python: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end."""
    command = [python, "-m", "src.predict", *arguments, "engine.precision=f32"]
    return subprocess.run(command, cwd=CONF.parent, capture_output=True, text=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A classifier of patches of 96 pixels that finds cracks in some tiles."""
    path = tmp_path_factory.mktemp("model") / "model.keras"
    light_classifier().save(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Three photos, one of them turned and in a subfolder, and a file that cannot be read."""
    folder = tmp_path_factory.mktemp("photos")
    photos = [
        draw_photograph(np.random.default_rng(seed), 200, 300, cracked=seed == 1).pixels
        for seed in (0, 1)
    ]
    Image.fromarray(photos[0]).save(folder / "plain.png")
    Image.fromarray(photos[1]).save(folder / EVIL)
    (folder / "north side").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photos[1]).save(folder / "north side" / "turned.jpg", exif=exif)
    (folder / BROKEN).write_bytes(b"no photo")
    return folder


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("results") / "out"


@pytest.fixture(scope="module")
def done(model, folder, output) -> Inspection:
    return inspect(settings(f"input={folder}", f"output={output}", f"model={model}"))


def test_every_photo_is_in_the_tables(done, output, model):
    table = pd.read_csv(output / "photos.csv").set_index("photo")
    assert set(table.index) == {"plain.png", EVIL, "north side/turned.jpg", BROKEN}
    assert table.verdict[BROKEN] == "unreadable"
    assert table.reason[BROKEN] == "not an image in JPEG, PNG, TIFF, WebP or HEIC"
    assert (table.width["north side/turned.jpg"], table.height["plain.png"]) == (200, 200)
    read = json.loads((output / "photos.json").read_text())
    assert read["made_by"]["model"]["name"] == str(model)
    assert len(read["made_by"]["model"]["weights"]) == 12
    assert read["made_by"]["engine"]["name"] in ("openvino", "tensorflow")  # not what auto says
    assert read["unreadable"] == [
        {"photo": BROKEN, "reason": "not an image in JPEG, PNG, TIFF, WebP or HEIC"}
    ]
    for record in read["photos"]:
        assert record["cracked"] == (record["probability"] >= 0.5)
        assert bool(record["regions"]) == record["cracked"]
        assert table.probability[record["photo"]] == pytest.approx(record["probability"])
    probabilities = [round(record["probability"], 2) for record in read["photos"]]
    assert probabilities == sorted(probabilities, reverse=True)


def test_overlays_are_as_large_as_the_upright_photos(done, output):
    for record in done.records:
        with Image.open(output / record["overlay"]) as overlay:
            assert overlay.size == (record["width"], record["height"])
    assert (output / "overlays" / "north side" / "turned.jpg.jpg").is_file()
    assert not list(output.rglob(".*.jpg.*"))


def test_report_is_escaped_and_has_its_pictures_beside_it(done, output):
    text = (output / "report.html").read_text()
    assert "<img src=x" not in text
    assert "<i>" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    for address in ("http:", "https:", "@import", "url("):
        assert address not in text
    pictures = set(re.findall(r'src="([^"]+)"', text))
    # Each photo has its preview and its heat.
    assert len(pictures) == 6
    assert {Image.open(output / path).format for path in pictures} == {"JPEG", "PNG"}


def test_a_second_run_does_only_what_is_new(done, model, folder, output, tmp_path):
    photos, results = tmp_path / "photos", tmp_path / "out"
    shutil.copytree(folder, photos)
    shutil.copytree(output, results)
    arguments = (f"input={photos}", f"output={results}", f"model={model}")

    def again(*overrides: str) -> tuple[int, set[str]]:
        """How many were done before, and whose overlay was written anew."""
        before = {path: path.stat().st_ino for path in results.rglob("overlays/**/*.jpg")}
        ended = inspect(settings(*arguments, *overrides))
        after = {path: path.stat().st_ino for path in results.rglob("overlays/**/*.jpg")}
        assert len(ended.records) == len(after)
        return ended.done_before, {p.name for p, n in after.items() if before.get(p) != n}

    assert again() == (3, set())
    Image.new("RGB", (100, 100)).save(photos / "plain.png")
    Image.new("RGB", (100, 100)).save(photos / "new.webp")
    assert again() == (2, {"plain.png.jpg", "new.webp.jpg"})
    (results / "overlays" / "new.webp.jpg").unlink()
    next((results / ".records").glob("*.json")).write_text("{")
    assert again()[0] in (2, 3)
    assert again("threshold=0.9")[0] == 0


def test_name_that_is_no_utf8_is_escaped(model, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, width in ((b"Stra\xdfe.png", 90), (b"Stra\xe4e.png", 96)):
        Image.new("RGB", (width, 96)).save(photos / os.fsdecode(name))
    arguments = (f"input={photos}", f"output={tmp_path / 'out'}", f"model={model}")
    done = inspect(settings(*arguments))
    table = pd.read_csv(tmp_path / "out" / "photos.csv").set_index("photo")
    assert set(table.index) == {r"Stra\xdfe.png", r"Stra\xe4e.png"}
    for name, width in ((r"Stra\xdfe.png", 90), (r"Stra\xe4e.png", 96)):
        with Image.open(tmp_path / "out" / table.overlay[name]) as overlay:
            assert overlay.width == width
        assert quote(table.overlay[name]) in done.report.read_text()
    assert inspect(settings(*arguments)).done_before == 2


def test_auto_looks_at_every_scale(done, model, folder, tmp_path):
    auto = inspect(
        settings(
            f"input={folder / 'plain.png'}",
            f"output={tmp_path}",
            f"model={model}",
            "scale=auto",
            "auto_scales=[1.0,0.5]",
        )
    )
    (record,) = auto.records
    once = next(one for one in done.records if one["photo"] == "plain.png")
    assert record["tiles"] > once["tiles"]
    assert record["probability"] >= once["probability"]


def test_command_ends_with_3_where_a_photo_could_not_be_read(warm_python, model, folder, tmp_path):
    arguments = [f"input={folder}", f"output={tmp_path}", f"model={model}"]
    ended = ran(warm_python, *arguments)
    assert ended.returncode == 3, ended.stderr
    assert f"can't be read: {BROKEN}: not an image" in ended.stdout
    assert "of 3 (0 of them done before), 1 unreadable" in ended.stdout
    assert (tmp_path / "report.html").is_file()
    assert "Traceback" not in ended.stderr


def test_a_share_ends_with_3_where_a_photo_could_not_be_read(warm_python, model, tmp_path):
    photos = tmp_path / "in"
    photos.mkdir()
    for name in ("a.jpg", "b.jpg"):  # both are of share 0
        (photos / name).write_bytes(b"no photo")
    arguments = [str(photos), str(tmp_path / "out"), f"model={model}", "shards=2", "shard=0"]
    ended = ran(warm_python, *arguments)
    assert ended.returncode == 3, ended.stderr
    assert "2 unreadable" in ended.stdout


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("threshold=1.5", "threshold: should be less than 1"),
        ("scale=huge", "scale"),
        ("photos.extensions=[jpg]", "photos.extensions"),
        ("engine.precision=f64", "engine.precision: should be 'bf16', 'f16' or 'f32'"),
    ],
)
def test_bad_setting_is_named(override, message):
    with pytest.raises(InputError, match=message):
        settings("input=x", "output=y", override)


def test_input_must_be_given():
    with pytest.raises(InputError, match=r"^this needs input=…; --help shows examples$"):
        settings("output=y")


def test_missing_photos_are_said_before_anything_is_loaded(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        inspect(settings(f"input={tmp_path / 'gone'}", "output=out", "model=gone.keras"))


def test_run_and_registry_bring_their_decision(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = mlflow.get_tracking_uri()
    common = ("input=x", "output=y")
    try:
        put_database(tmp_path / "mlruns/mlflow.db")
        runs.connect(None, "crack-detection")
        found, _, plain, _ = load_model_of(settings(*common, f"model={model}"))
        classifier = found.load()
        assert (plain.temperature, plain.calibrated) == (1, False)
        with runs.tracked_run("trained", {}, system_metrics=False) as run_id:
            uri = log_model(classifier, 96)
            made = decision(classifier)
            mlflow.log_dict(made.model_dump(), DECISION)
        mlflow.register_model(uri, "crack-classifier")
        mlflow.MlflowClient().set_registered_model_alias("crack-classifier", "champion", "1")
        _, champion, *decided = load_model_of(settings(*common))
        assert (champion["run"], champion["version"]) == (run_id, "1")
        assert decided == [made, {}]
        for name in (run_id, run_id[:8]):
            _, by_run, *decided = load_model_of(settings(*common, f"model={name}"))
            assert (by_run["run"], by_run["weights"]) == (run_id, champion["weights"])
            assert decided == [made, {}]
        _, logged, *decided = load_model_of(settings(*common, f"model={uri}"))
        assert (logged["run"], decided) == (run_id, [made, {}])
        *_, used, deviations = load_model_of(
            settings(*common, f"model={run_id}", "temperature=3.0")
        )
        assert used.temperature == 3
        assert set(deviations) == {"temperature"}
    finally:
        mlflow.set_tracking_uri(before)
