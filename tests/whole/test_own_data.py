"""A folder of one's own images on its way to a model on photos, as docs/own-data.md has it."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.config.loader import ROOT
from src.data.drawn.photograph import draw_photograph
from src.data.drawn.pictures import draw_patch
from tests.tracking.store import put_database
from tests.whole.project import small_weights
from tests.whole.servers import environment_of_commands

pytestmark = pytest.mark.slow
IMAGES = 40
TINY = (
    *("~local", "data=local", "data.path=bridge", "data.name=bridge", "data.image_size=96"),
    *("train.epochs=1", "features.views=1", "features.engine=tensorflow", "audit.overlaps=null"),
    *("evaluate.resamples=100", "tracking.prediction_grid=4"),
)
CLASSES = "data.classes=[ok,rissig]"
Command = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images of two classes in PNG and JPEG of many sizes, a text, and a photo."""
    folder = tmp_path_factory.mktemp("own")
    put_database(folder / "mlruns/mlflow.db")
    for number in range(IMAGES):
        rng = np.random.default_rng(number)
        cracked = number % 2 == 1
        patch = draw_patch(rng, cracked=cracked, size=int(rng.integers(80, 160)))
        name = f"{number}.png" if number % 3 == 0 else f"{number}.jpg"
        file = folder / "bridge" / ("rissig" if cracked else "ok") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(patch).save(file)
    (folder / "bridge" / "ok" / "notes.txt").write_text("seen in May")
    (folder / "photos").mkdir()
    photo = draw_photograph(np.random.default_rng(3), 200, 300, cracked=True).pixels
    Image.fromarray(photo).save(folder / "photos" / "pier.jpg")
    return folder


@pytest.fixture(scope="module")
def command(folder: Path, warm_python: Path) -> Command:
    """Function that runs a command in the folder; its exit status and output."""

    def run(module: str, *arguments: str) -> tuple[int, str]:
        ended = subprocess.run(
            [warm_python, "-m", module, *arguments],
            cwd=folder,
            env=environment_of_commands() | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        return ended.returncode, ended.stdout + ended.stderr

    return run


@pytest.fixture(scope="module")
def trained(folder: Path, command: Command) -> list[str]:
    """What the trainings of two runs say."""
    weights = [f"model.imagenet.{key}={value}" for key, value in small_weights(folder).items()]
    outputs = []
    for frozen in (150, 143):
        settings = (*TINY, *weights, CLASSES, f"model.frozen_layers={frozen}")
        status, output = command("src.train", *settings)
        assert status == 0, output
        outputs.append(output)
    return outputs


def run_of(output: str) -> str:
    found = re.search(r"^run +(\w{32})", output, re.M)
    assert found
    return found[1]


def test_folders_of_other_names_are_told_with_the_setting_that_names_them(command):
    status, output = command("src.train", *TINY)
    assert status == 1
    assert "bridge holds no folder named Negative; found: ok, rissig. The setting " in output
    assert "data.classes" in output


def test_a_run_says_what_it_left_out_and_how_little_its_test_shows(trained):
    first, second = trained
    assert "bridge: 1 left out, such as ok/notes.txt: " in first
    assert "left out" not in second
    for output in trained:
        assert "8 test images show little: " in output
        assert "+sweep=folds" in output


def test_runs_are_compared_promoted_and_used_on_photos(trained, command, folder):
    first, second = map(run_of, trained)
    status, compared = command("src.compare", first[:8], second[:8])
    assert status == 0, compared
    assert "errors of 8" in compared
    # So little training may get nothing right.
    status, promoted = command("src.promote", second[:8], "min_accuracy=0")
    assert status == 0, promoted
    assert "promoted" in promoted
    status, predicted = command("src.predict", "photos", "found", "engine.precision=f32")
    assert status == 0, predicted
    assert f"run {second}" in predicted
    (photo,) = json.loads((folder / "found" / "photos.json").read_text())["photos"]
    assert photo["photo"] == "pier.jpg"
    assert (folder / "found" / "report.html").is_file()
