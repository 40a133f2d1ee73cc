"""One training run as MLflow has it afterwards."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml

from src.config.loader import CONF
from src.config.schema import Config, Evaluate
from src.data.image_batches import load_images
from src.errors import InputError
from src.model.weights import weights_sha256
from src.pipeline.tracked_run import train_and_track
from tests.samples import lively_backbone

TINY = ("data.images=40", "data.image_size=96", "train.epochs=2", "features.views=2")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, patches) -> tuple[str, ...]:
    """Overrides that let a small backbone's weights, which tell images apart, play ImageNet's."""
    root, listing = patches
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    backbone = lively_backbone(load_images([root / path for path in listing.path[:16]]))
    backbone.save_weights(path)
    sha256 = weights_sha256(backbone)
    return (f"model.imagenet.path={path}", f"model.imagenet.sha256={sha256}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder that stays the working directory, as MLflow remembers it."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield folder


@pytest.fixture(scope="module", params=["bank", "end_to_end"])
def trained(request, folder, composed, pretrained):
    config = composed(
        *TINY, *pretrained, f"train.path={request.param}", f"train.output={request.param}"
    )
    result = train_and_track(config)
    return config, result, mlflow.get_run(result.run_id)


def artifact(run, name: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=name))


def test_run_finished_with_every_setting_as_a_parameter(trained):
    config, _, run = trained
    assert run.info.status == "FINISHED"
    params = run.data.params
    assert params["model.frozen_layers"] == "150"
    assert params["train.learning_rate"] == "0.0001"
    assert params["split.seed"] == "0"
    assert params["parameters.total"] == "2260546"
    assert params["parameters.trainable"] == "415362"
    resolved = yaml.safe_load(artifact(run, "config.yaml").read_text())
    assert Config.model_validate(resolved) == config


def test_tags_say_what_it_was_trained_on(trained, pretrained):
    _, _, run = trained
    tags = run.data.tags
    assert tags["weights.sha256"] == pretrained[1].split("=")[1]
    assert len(tags["dataset.fingerprint"]) == len(tags["split.fingerprint"]) == 64
    assert len(tags["git.commit"]) == 40
    inputs = {item.dataset.name.rsplit("-", 1)[1]: item for item in run.inputs.dataset_inputs}
    assert set(inputs) == {"train", "validation", "test"}
    assert inputs["train"].dataset.digest == tags["dataset.fingerprint"][:32]
    classes = ("all", "Negative", "Positive")
    leaks = [run.data.metrics[f"leak.{of}{name}"] for of in ("", "overlap.") for name in classes]
    assert leaks == [0] * 6


def test_every_epoch_is_logged(trained):
    _, result, _ = trained
    client = mlflow.MlflowClient()
    for name in ("loss", "accuracy"):
        for part in ("train", "validation"):
            points = client.get_metric_history(result.run_id, f"{part}.{name}")
            assert [point.step for point in points] == [1, 2]
    rates = client.get_metric_history(result.run_id, "learning_rate")
    assert [point.value for point in rates] == pytest.approx([1e-4, 1e-4])


def test_metrics_are_those_of_the_prediction_table(trained):
    config, result, run = trained
    predictions = pd.read_csv(artifact(run, "predictions.csv"))
    assert predictions.part.value_counts().to_dict() == {"validation": 8, "test": 8}
    found = evaluate(predictions, Evaluate(**config.evaluate.model_dump()))
    for part, metrics in found.items():
        for name, value in metrics.items():
            assert run.data.metrics[f"best.{part}.{name}"] == pytest.approx(value)
        assert result.metrics[part] == pytest.approx(metrics)
    table = json.loads(artifact(run, "test_predictions.json").read_text())
    assert len(table["data"]) == 8


def test_best_validation_loss_is_the_least_of_the_curve(trained):
    _, result, run = trained
    points = mlflow.MlflowClient().get_metric_history(result.run_id, "validation.loss")
    least = min(point.value for point in points)
    # The bank path's curve is in bfloat16 products, its predictions in float32.
    assert run.data.metrics["best.validation.loss"] == pytest.approx(least, rel=2e-2)


def test_figures_and_split_are_there(trained):
    _, _, run = trained
    names = {path.name for path in artifact(run, "figures").iterdir()}
    expected = {"learning_curves", "confusion_matrix", "roc_and_precision_recall", "predictions"}
    expected |= {"reliability", "class_maps"}
    suspects = pd.read_csv(artifact(run, "label_suspects.csv"))
    expected |= {"label_suspects"} if len(suspects) else set()
    assert names == {f"{name}.png" for name in expected}
    assert len(pd.read_csv(artifact(run, "split.csv"))) == 40


def test_model_loads_back_and_gives_the_same_probabilities(trained):
    config, _, run = trained
    (output,) = run.outputs.model_outputs
    logged = mlflow.get_logged_model(output.model_id)
    model = mlflow.pyfunc.load_model(logged.model_uri)
    assert model.metadata.signature.inputs.inputs[0].type == np.uint8
    requirements = Path(mlflow.pyfunc.get_model_dependencies(logged.model_uri)).read_text()
    assert "keras==" in requirements
    predictions = pd.read_csv(artifact(run, "predictions.csv"))
    images = load_images([Path(config.data.dir, path) for path in predictions.path])
    probabilities = np.asarray(model.predict(images))
    # Features stored in float16, against float32 throughout.
    tolerance = 1e-3 if run.data.tags["training.path"] == "bank" else 1e-5
    np.testing.assert_allclose(probabilities[:, 1], predictions.probability, atol=tolerance)


def test_the_readme_loads_a_model(trained):
    _, _, run = trained
    readme = (CONF.parent / "README.md").read_text()
    snippet = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
    names = {"images": np.zeros((2, 96, 96, 3), np.uint8)}
    exec(snippet.replace("m-…", run.outputs.model_outputs[-1].model_id), names)
    assert names["probabilities"].shape == (2, 2)


def test_pipeline_files_are_kept(trained, folder):
    config, result, _ = trained
    kept = folder / config.train.output
    names = {path.name for path in kept.iterdir()}
    assert names == {"model.keras", "history.csv", "predictions.csv", "run.json"}
    assert json.loads((kept / "run.json").read_text())["run_id"] == result.run_id
    assert pd.read_csv(kept / "history.csv").epoch.tolist() == [1, 2]


def test_a_run_is_exported_by_its_id(trained, folder, tmp_path):
    _, result, _ = trained
    settings = [f"model={result.run_id}", "format=openvino", "precision=float32"]
    command = [sys.executable, "-m", "src.export", *settings, f"output={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": str(CONF.parent)}
    subprocess.run(command, cwd=folder, env=environment, check=True)
    card = json.loads((tmp_path / "openvino-float32" / "card.json").read_text())
    assert card["classes"] == ["Negative", "Positive"]
    assert card["input"] == "image: uint8 [None, 96, 96, 3], RGB"
    # 20 % of 40 images; all that there are.
    assert card["check"]["images"] == 8
    assert card["check"]["agreement"] == 1


def test_same_seed_same_run(folder, composed, pretrained):
    config = composed(*TINY, *pretrained)
    one, other = train_and_track(config), train_and_track(config)
    assert one.run_id != other.run_id
    assert one.metrics == other.metrics
    another = train_and_track(composed(*TINY, *pretrained, "train.seed=1"))
    assert another.metrics["test"]["loss"] != one.metrics["test"]["loss"]


def test_a_full_bank_needs_no_engine(folder, composed, pretrained):
    config = composed(*TINY, *pretrained, "train.epochs=1")
    bank = mlflow.get_run(train_and_track(config).run_id).data.tags["bank.folder"]
    # A note of another hand, under a bound that no engine keeps: one that is built is refused.
    Path(config.features.dir, bank, "engine_error").write_text("1e-9")
    config = composed(*TINY, *pretrained, "train.epochs=1", "features.max_error=1e-8")
    again = mlflow.get_run(train_and_track(config).run_id)
    assert again.data.metrics["bank.engine_error"] == 1e-9
    config = composed(*TINY, *pretrained, "train.epochs=1", "features.max_error=1e-10")
    with pytest.raises(InputError, match=r"features\.max_error=1e-10"):
        train_and_track(config)


def test_flips_are_stored_for_training_and_for_prediction(folder, composed, pretrained):
    config = composed(*TINY, *pretrained, "augment=flips", "train.epochs=1", "features.views=9")
    run = mlflow.get_run(train_and_track(config).run_id)
    # 40 images, and 3 more flips of each, whichever part they are in.
    assert run.data.metrics["bank.added_features"] == 40 * 4
    # The predictions are the saved model's, averaged over the flips.
    model = mlflow.pyfunc.load_model(f"models:/{run.outputs.model_outputs[0].model_id}")
    predictions = pd.read_csv(artifact(run, "predictions.csv"))
    images = load_images([Path(config.data.dir, path) for path in predictions.path])
    flips = [np.flip(images, axes) for axes in ((), (1,), (2,), (1, 2))]
    each = np.stack([np.asarray(model.predict(np.ascontiguousarray(f)))[:, 1] for f in flips])
    np.testing.assert_allclose(each.mean(axis=0), predictions.probability, atol=1e-3)
    assert each.std(axis=0).max() > 1e-2


def test_run_that_raises_is_failed_with_its_error(folder, composed, tmp_path):
    config = composed(*TINY, f"model.imagenet.path={tmp_path / 'gone.h5'}")
    with pytest.raises(InputError):
        train_and_track(config)
    (run,) = mlflow.search_runs(order_by=["start_time DESC"], max_results=1, output_format="list")
    assert run.info.status == "FAILED"
    assert run.data.tags["error"].startswith("InputError: no ImageNet weights")


def test_unsuited_cut_trains_end_to_end_and_says_so(folder, composed, pretrained, capsys):
    config = composed(*TINY, *pretrained, "model.frozen_layers=0", "train.epochs=1")
    result = train_and_track(config)
    assert "model.frozen_layers=0 leaves no prefix: end to end" in capsys.readouterr().out
    assert mlflow.get_run(result.run_id).data.tags["training.path"] == "end_to_end"
