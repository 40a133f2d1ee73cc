"""`python -m src.export` of a tracked run, with the patches of its own test part."""

import json
import re

import mlflow
import pytest
from PIL import Image

from src.config.loader import compose_as
from src.config.tool_schema import Export
from src.errors import InputError
from src.export import main
from src.formats import conversion
from src.tracking import runs
from src.tracking.logged_models import log_model
from src.tracking.run_reading import TESTED
from tests.extras import needs
from tests.registry.samples import classifier
from tests.tracking.store import put_database

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run_id(tmp_path_factory, patches) -> str:
    """A run on 40 drawn patches that logged its model and its split."""
    root, listing = patches
    parts = ["train", "train", "train", "validation", "test"] * 8
    settings = {"data": {"dir": str(root), "classes": ["Negative", "Positive"]}}
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("project")
        put_database(folder / "mlruns/mlflow.db")
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        runs.connect(None, "crack-detection")
        with runs.tracked_run("exported", settings, system_metrics=False) as run_id:
            log_model(classifier(), 96)
            mlflow.log_text(listing.assign(part=parts).to_csv(index=False), "split.csv")
        yield run_id
    mlflow.set_tracking_uri(before)


def export(model: str, output: str, *settings: str) -> None:
    given = [f"model={model}", f"output={output}", "format=openvino", "precision=float32"]
    main.__wrapped__(compose_as(Export, "export/config", [*given, *settings]))


def test_a_run_is_exported_by_its_id(run_id, tmp_path, capsys):
    export(run_id[:12], tmp_path)
    card = json.loads((tmp_path / "openvino-float32" / "card.json").read_text())
    assert card["model"] == run_id[:12]
    assert card["classes"] == ["Negative", "Positive"]
    assert card["input"] == "image: uint8 [None, 96, 96, 3], RGB"
    # All of the test part.
    assert card["check"]["images"] == 8
    assert card["check"]["agreement"] == 1
    assert "openvino" in capsys.readouterr().out


def test_unknown_run_is_named(run_id, tmp_path):
    with pytest.raises(InputError, match="no run at sqlite"):
        export("0123456789abcdef", tmp_path)
    assert not list(tmp_path.iterdir())


def test_images_of_another_run_are_refused(run_id, patches, tmp_path):
    mlflow.MlflowClient().set_tag(run_id, TESTED, "another fingerprint")
    with pytest.raises(InputError, match=r"has not the images that the run of .* was tested on"):
        export(run_id, tmp_path)
    mlflow.MlflowClient().delete_tag(run_id, TESTED)


def test_a_refused_export_does_not_stop_the_others(run_id, tmp_path, capsys):
    needs("onnxruntime")
    given = ("format=all", "precision=float32", "max_accuracy_lost=0", "min_agreement=0")
    real = conversion.refuse_export

    def refuse_litert(name, *given):
        if name.startswith("litert"):
            raise InputError(f"{name} is refused")
        real(name, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "refuse_export", refuse_litert)
        with pytest.raises(InputError, match="litert-float32 is refused"):
            export(run_id, tmp_path, *given)
    assert (tmp_path / "openvino-float32").is_dir()
    assert [*re.findall(r"^(\w+) +float32 +[\d.]+ MB", capsys.readouterr().out, re.M)] == [
        *("Keras", "keras", "onnx", "openvino"),
    ]


def test_an_interrupted_export_leaves_no_keras_file_alone(run_id, tmp_path, monkeypatch):
    def interrupted(path):
        raise KeyboardInterrupt

    # It is called last, for what lies beside the file.
    monkeypatch.setattr("src.formats.keras.file_sha256", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(run_id, tmp_path, "format=keras")
    assert not list(tmp_path.iterdir())


def test_patches_of_another_size_than_the_models_are_refused(run_id, tmp_path, patches):
    _, listing = patches
    parts = ["train", "validation", "test", "test"] * 10
    listing.assign(part=parts).to_csv(tmp_path / "split.csv", index=False)
    given = (f"manifest={tmp_path / 'split.csv'}", f"images={tmp_path}")

    def written(side: int, paths) -> None:
        for path in paths:
            (tmp_path / path).parent.mkdir(exist_ok=True)
            Image.new("RGB", (side, side)).save(tmp_path / path)

    written(64, listing.path)
    with pytest.raises(InputError, match=r"have 64 x 64 pixels, and the model takes 96 x 96"):
        export(run_id, tmp_path / "out", *given)
    written(96, listing.path[2:3])
    with pytest.raises(InputError, match=r"has 64 x 64 pixels, and .* has 96 x 96"):
        export(run_id, tmp_path / "out", *given)
