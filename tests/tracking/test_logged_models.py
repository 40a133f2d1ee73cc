"""Finding a trained classifier: a file, a run, the registry, and what is wrong with the others."""

import json
from pathlib import Path

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest

from src.errors import InputError
from src.model.weights import weights_sha256
from src.tracking import runs
from src.tracking.logged_models import load_classifier, log_model, training_split
from src.tracking.provenance import decision_of, origin
from tests.samples import light_classifier
from tests.tracking.store import put_database


@pytest.fixture(scope="module")
def classifier():
    return light_classifier()


@pytest.fixture(scope="module")
def logged(classifier, tmp_path_factory):
    """The id of a run that has logged the classifier, which is registered as `cracks`."""
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("project")
        put_database(folder / "mlruns/mlflow.db")
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        runs.connect(None, "models")
        with runs.tracked_run("trained", {}, system_metrics=False) as run_id:
            uri = log_model(classifier, 96)
        mlflow.register_model(uri, "cracks")
        mlflow.MlflowClient().set_registered_model_alias("cracks", "champion", "1")
        yield run_id
    mlflow.set_tracking_uri(before)


@pytest.mark.slow
def test_file_is_loaded(classifier, tmp_path):
    classifier.save(tmp_path / "model.keras")
    loaded = load_classifier(str(tmp_path / "model.keras"))
    assert weights_sha256(loaded) == weights_sha256(classifier)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "run's beginning", "alias", "version", "logged model"])
def test_run_and_registry_give_the_model_that_was_logged(classifier, logged, name):
    uri = {
        "run": logged,
        "run's beginning": logged[:8],
        "alias": "models:/cracks@champion",
        "version": "models:/cracks/1",
        "logged model": f"models:/{mlflow.get_run(logged).outputs.model_outputs[0].model_id}",
    }[name]
    images = np.full((1, 96, 96, 3), 127, np.uint8)
    loaded = load_classifier(uri)
    assert weights_sha256(loaded) == weights_sha256(classifier)
    np.testing.assert_allclose(loaded(images), classifier(images), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.keras", r"gone\.keras: no such model file; model= names a \.keras file, a run's id"),
        ("0" * 32, "no run at sqlite:.* with an id that starts with 0{32};"),
        ("0" * 6, "no run at sqlite:.* with an id that starts with 0{6};"),
        ("0" * 5, "00000: no such model file"),
        ("models:/nothing@champion", "there is no model models:/nothing@champion on sqlite:"),
        ("models:/cracks@challenger", "there is no model models:/cracks@challenger on sqlite:"),
        ("models:/cracks/7", "there is no model models:/cracks/7 on sqlite:"),
        ("models:/cracks", "there is no model models:/cracks on sqlite:"),
    ],
)
def test_missing_model_is_named(logged, name, message):
    with pytest.raises(InputError, match=message):
        load_classifier(name)


def test_run_without_a_model_says_so(logged):
    with runs.tracked_run("audit", {}, system_metrics=False) as run_id:
        pass
    with pytest.raises(InputError, match=rf"run {run_id} \(FINISHED\) logged no model"):
        load_classifier(run_id)


def test_files_that_are_no_classifier_are_named(tmp_path):
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(b"PK not a model")
    with pytest.raises(InputError, match=r"damaged\.keras can't be loaded as a Keras model"):
        load_classifier(str(damaged))
    (tmp_path / "model.h5").write_bytes(b"")
    with pytest.raises(InputError, match=r"model\.h5 is not a \.keras file"):
        load_classifier(str(tmp_path / "model.h5"))
    other = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
    other.save(tmp_path / "other.keras")
    with pytest.raises(InputError, match=r"takes \(None, 8\) and gives \(None, 2\)"):
        load_classifier(str(tmp_path / "other.keras"))


MANIFEST = pd.DataFrame(
    {
        "path": ["Negative/1.jpg", "Negative/2.jpg", "Positive/1.jpg"],
        "label": [0, 0, 1],
        "part": ["train", "validation", "test"],
    }
)


def test_split_of_a_file_is_what_the_pipeline_left_beside_it(tmp_path):
    MANIFEST.to_csv(tmp_path / "split.csv", index=False)
    (tmp_path / "fetched.json").write_text(json.dumps({"dir": "data"}))
    manifest, images = training_split(str(tmp_path / "model.keras"))
    pd.testing.assert_frame_equal(manifest, MANIFEST)
    assert images == Path("data")
    (tmp_path / "fetched.json").unlink()
    with pytest.raises(InputError, match=r"no fetched\.json of .*manifest=CSV images=FOLDER"):
        training_split(str(tmp_path / "model.keras"))


def test_split_of_a_run_and_of_its_model_are_the_runs(classifier, logged):
    settings = {"data": {"dir": "outputs/images"}}
    with runs.tracked_run("trained", settings, system_metrics=False) as run_id:
        mlflow.log_text(MANIFEST.to_csv(index=False), "split.csv")
        uri = log_model(classifier, 96)
    for model in (run_id, run_id[:8], uri):
        manifest, images = training_split(model)
        pd.testing.assert_frame_equal(manifest, MANIFEST)
        assert images == Path("outputs/images")
    with pytest.raises(InputError, match=r"its run has no split\.csv and data\.dir"):
        training_split(logged)


def test_a_model_whose_run_is_gone_is_named(classifier, logged):
    with runs.tracked_run("short", {}, system_metrics=False) as run_id:
        uri = log_model(classifier, 96)
    mlflow.register_model(uri, "left")
    with pytest.raises(InputError, match=r"models:/left/latest: name a version by its number"):
        decision_of("models:/left/latest")
    # What `mlflow gc` does to a deleted run.
    mlflow.MlflowClient()._tracking_client.store._hard_delete_run(run_id)
    for read in (origin, decision_of):
        with pytest.raises(InputError, match=r"models:/left/1: it or its run.* is not there"):
            read("models:/left/1")
