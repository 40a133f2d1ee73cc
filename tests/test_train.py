"""One training run as MLflow has it afterwards."""

import json
import re
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml

from src.config.loader import CONF
from src.config.schema import Config
from src.data.files import file_sha256
from src.data.image_batches import load_images
from src.errors import InputError
from src.model.weights import weights_sha256
from src.pipeline import initial_classifier as initial_classifier_module
from src.pipeline import run_results, tracked_run
from src.pipeline.features import useful_cut
from src.pipeline.fetching import fetched_dataset
from src.pipeline.initial_classifier import initial_classifier
from src.pipeline.run_results import evaluate_again
from src.pipeline.tracked_run import train_and_track
from src.statistics.run_metrics import evaluate_predictions
from src.sweeps.sweep_jobs import FINGERPRINT
from src.tracking import runs
from src.tracking.processes import process_tags
from src.tracking.provenance import decision_of_run
from src.tracking.runs import metrics_of_parts
from src.train import main
from tests.samples import small_backbone
from tests.sections import changed
from tests.tracking.store import put_database

pytestmark = pytest.mark.slow
TINY = (
    *("data.images=40", "data.image_size=96", "train.epochs=2", "features.views=2"),
    *("evaluate.resamples=100", "tracking.prediction_grid=4"),
)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory) -> tuple[str, ...]:
    """Overrides that replace the weights of ImageNet by those of a small random backbone."""
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    backbone = small_backbone()
    backbone.save_weights(path)
    sha256 = weights_sha256(backbone)
    return (f"model.imagenet.path={path}", f"model.imagenet.sha256={sha256}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder that is the working directory for all tests, because MLflow remembers it."""
    folder = tmp_path_factory.mktemp("project")
    put_database(folder / "mlruns/mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield folder


def train_by(path: str, composed, pretrained):
    """A run's configuration, what training returned, and the run."""
    config = composed(*TINY, *pretrained, f"train.path={path}", f"train.output={path}")
    result = train_and_track(config)
    return config, result, mlflow.get_run(result.run_id)


@pytest.fixture(scope="module")
def on_bank(folder, composed, pretrained):
    return train_by("bank", composed, pretrained)


@pytest.fixture(scope="module")
def end_to_end(folder, composed, pretrained):
    return train_by("end_to_end", composed, pretrained)


@pytest.fixture(params=["on_bank", "end_to_end"])
def trained(request):
    return request.getfixturevalue(request.param)


def artifact(run, name: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=name))


def test_run_finished_with_its_recipe_as_parameters(trained):
    config, _, run = trained
    assert run.info.status == "FINISHED"
    params = run.data.params
    assert params["model.frozen_layers"] == "150"
    assert params["train.learning_rate"] == "0.0001"
    assert params["split.seed"] == "0"
    # Where files are, and what decides no result, is in config.yaml alone.
    assert not {key for key in params if key.startswith(("tracking.", "data.dir", "train.output"))}
    assert len(params) < 32
    assert not {"None", "[]"} & set(params.values())
    assert run.data.tags["parameters.total"] == "2260546"
    assert run.data.tags["parameters.trainable"] == "415362"
    resolved = yaml.safe_load(artifact(run, "config.yaml").read_text())
    assert Config.model_validate(resolved) == config


def test_tags_say_what_it_was_trained_on(trained, pretrained):
    config, _, run = trained
    tags = run.data.tags
    assert tags["training.path"] == config.train.path
    assert tags["weights.sha256"] == pretrained[1].split("=")[1]
    assert len(tags["dataset.fingerprint"]) == len(tags["split.fingerprint"]) == 64
    assert len(tags["git.commit"]) == 40
    inputs = {item.dataset.name.rsplit("-", 1)[1]: item for item in run.inputs.dataset_inputs}
    assert set(inputs) == {"train", "validation", "test"}
    # Of its part: MLflow would show parts of two splits as one dataset.
    assert len({entry.dataset.digest for entry in inputs.values()}) == 3
    classes = ("all", "Negative", "Positive")
    leaks = [run.data.tags[f"leak.{of}{name}"] for of in ("", "overlap.") for name in classes]
    assert leaks == ["0"] * 6


def test_every_epoch_is_logged(trained):
    _, result, _ = trained
    client = mlflow.MlflowClient()
    for name in ("loss/", "progress/accuracy."):
        for part in ("train", "validation"):
            points = client.get_metric_history(result.run_id, f"{name}{part}")
            assert [point.step for point in points] == [1, 2]
    rates = client.get_metric_history(result.run_id, "progress/learning_rate")
    assert [point.value for point in rates] == pytest.approx([1e-4, 1e-4])


def test_metrics_are_those_of_the_prediction_table(trained):
    config, result, run = trained
    predictions = pd.read_csv(artifact(run, "predictions.csv"))
    assert predictions.part.value_counts().to_dict() == {"validation": 8, "test": 8}
    found = evaluate_predictions(predictions, config.evaluate)
    for part, metrics in found.items():
        for name, value in metrics.items():
            assert metrics_of_parts(result.run_id)[part][name] == pytest.approx(value)
        assert result.metrics[part] == pytest.approx(metrics)
    assert run.data.metrics["best.test.errors"] == found["test"]["errors"]
    # A person looks through few: those above, and the curves.
    assert len(run.data.metrics) == 13
    table = json.loads(artifact(run, "test_predictions.json").read_text())
    assert len(table["data"]) == 8
    # MLflow's page that compares tables opens on the second column.
    assert table["columns"][:2] == ["path", "probability"]


def test_best_validation_loss_is_the_least_of_the_curve(trained):
    _, result, run = trained
    points = mlflow.MlflowClient().get_metric_history(result.run_id, "loss/validation")
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


def test_the_documentation_loads_a_model(trained):
    _, _, run = trained
    page = (CONF.parent / "docs/registry.md").read_text(encoding="utf-8")
    snippet = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    assert "mlflow.set_tracking_uri" in snippet
    names = {"images": np.zeros((2, 96, 96, 3), np.uint8)}
    exec(snippet.replace("m-…", run.outputs.model_outputs[-1].model_id), names)
    assert names["probabilities"].shape == (2, 2)


def test_run_and_model_say_what_they_are(trained):
    config, result, run = trained
    recipe = "frozen=150 dropout=0.2 lr=1e-4"
    assert run.info.run_name == f"{recipe} {config.data.name}"
    model = mlflow.get_logged_model(run.outputs.model_outputs[-1].model_id)
    assert model.name == f"{recipe} {config.data.name}".replace(".", "_")
    told = run.data.tags["mlflow.note.content"]
    assert model.tags["mlflow.note.content"] == told
    errors = f"{result.metrics['test']['errors']:.0f} errors on 8 test images"
    for part in (errors, "Split: grouped", f"model={result.run_id[:8]}", model.model_id):
        assert part in told


def test_pipeline_files_are_kept(trained, folder):
    config, result, _ = trained
    kept = folder / config.train.output
    names = {path.name for path in kept.iterdir()}
    assert names == {
        *("decision.json", "history.csv", "model.keras", "predictions.csv", "run.json"),
        "trained.json",
    }
    noted = json.loads((kept / "trained.json").read_text())["files"]
    assert names - {"run.json", "trained.json"} == set(noted)
    assert all(file_sha256(kept / name) == found for name, found in noted.items())
    assert json.loads((kept / "run.json").read_text())["run_id"] == result.run_id
    assert pd.read_csv(kept / "history.csv").epoch.tolist() == [1, 2]


def test_same_seed_same_run_and_a_full_bank_needs_no_engine(on_bank, composed, pretrained, capsys):
    config, one, run = on_bank
    banks = Path(config.features.dir)
    # A note of another hand, under a bound that no engine keeps: one that is built is refused.
    Path(banks, run.data.tags["bank.folder"], "engine_error").write_text("1e-9")
    again = composed(*TINY, *pretrained, "features.max_error=1e-8")
    validation_loss = main.__wrapped__(again)
    assert validation_loss == one.metrics["validation"]["loss"]
    told = capsys.readouterr().out
    run_id = re.search(r"^run +(\w{32})  \(\d+ s\)$", told, re.M)[1]
    assert f"/runs/{run_id}?workflowType=machine_learning  (served by `make ui`)" in told
    assert run_id != one.run_id
    assert metrics_of_parts(run_id) == one.metrics
    assert f"{one.metrics['test']['accuracy']:.4f}" in told
    tags = mlflow.get_run(run_id).data.tags
    assert tags["bank.folder"] == run.data.tags["bank.folder"]
    assert tags["bank.engine_error"] == "1e-09"
    # Another seed has the same features, so it would find their note.
    before = sorted(banks.iterdir())
    another = composed(*TINY, *pretrained, "train.seed=1", "features.max_error=1e-10")
    with pytest.raises(InputError, match=r"features\.max_error=1e-10"):
        train_and_track(another)
    assert sorted(banks.iterdir()) == before


def test_an_engine_that_changes_verdicts_is_refused_and_the_model_is_kept(
    folder, composed, pretrained
):
    few = ("train.epochs=1", "features.verdict_images=5", "features.precision=bf16")
    config = composed(*TINY, *pretrained, *few, "features.max_loss_change=1e-12")
    with pytest.raises(InputError, match=r"bf16 gives another verdict than Keras .* of 5 valid"):
        train_and_track(config)
    (run, *_) = mlflow.search_runs(order_by=["start_time DESC"], output_format="list")
    assert run.info.status == "FAILED"
    assert run.data.tags["engine.verdict_images"] == "5"
    assert abs(float(run.data.tags["engine.loss_change"])) > 1e-12
    assert run.outputs.model_outputs
    # The command that the message names refuses as well, unless it chooses another precision.
    with pytest.raises(InputError, match="bf16 gives another verdict"):
        evaluate_again(run.info.run_id, config)
    chosen = composed(*TINY, *pretrained, *few, "decision.precision=f32")
    evaluate_again(run.info.run_id, chosen, ["decision.precision"])
    run = mlflow.get_run(run.info.run_id)
    assert run.info.status == "FINISHED"
    assert decision_of_run(run).precision == "f32"
    predictions = pd.read_csv(artifact(run, "predictions.csv"))
    model = mlflow.pyfunc.load_model(f"models:/{run.outputs.model_outputs[0].model_id}")
    images = load_images([Path(config.data.dir, path) for path in predictions.path])
    said = np.asarray(model.predict(images))[:, 1]
    np.testing.assert_allclose(said, predictions.probability, atol=1e-3)
    with pytest.raises(InputError, match=r"decision\.precision"):
        evaluate_again(run.info.run_id, chosen, ["decision.precision"])


@pytest.fixture(scope="module")
def held_out_flips(folder, composed, pretrained):
    """A training with flips on one source, which is tested on another one."""
    several = ("data=several", "data.image_size=96", f"data.dir={folder / 'both'}")
    for number, name in enumerate(("one", "other")):
        section = f"data.sources.{name}"
        several += (f"+data@{section}=synthetic", f"{section}.seed={number}")
        several += (f"{section}.images=20", f"{section}.image_size=96")
    held = ("split=held_out", "split.source=other", f"workspace={folder / 'both-work'}")
    flips = ("augment=flips", "train.epochs=1", "features.views=9")
    config = composed(*several, *TINY[2:], *pretrained, *held, *flips)
    result = train_and_track(config)
    return config, result, mlflow.get_run(result.run_id)


def test_flips_are_stored_for_training_and_for_prediction(held_out_flips):
    config, _, run = held_out_flips
    # 40 images, and 3 more flips of each, whichever part they are in.
    assert run.data.tags["bank.added_features"] == str(40 * 4)
    # The predictions are the saved model's, averaged over the flips.
    model = mlflow.pyfunc.load_model(f"models:/{run.outputs.model_outputs[0].model_id}")
    predictions = pd.read_csv(artifact(run, "predictions.csv"))
    images = load_images([Path(config.data.dir, path) for path in predictions.path])
    flips = [np.flip(images, axes) for axes in ((), (1,), (2,), (1, 2))]
    each = [np.asarray(model.predict(np.ascontiguousarray(f)))[:, 1] for f in flips]
    np.testing.assert_allclose(np.mean(each, axis=0), predictions.probability, atol=1e-3)
    assert np.std(each, axis=0).max() > 1e-2


def test_a_held_out_source_is_tested_on_and_told_by_its_name(held_out_flips):
    config, result, run = held_out_flips
    predictions = pd.read_csv(artifact(run, "predictions.csv"))
    tested = predictions[predictions.part == "test"]
    assert (set(tested.source), len(tested)) == ({"other"}, 20)
    assert set(predictions.source[predictions.part == "validation"]) == {"one"}
    by_source = result.metrics["test/other"]
    assert by_source["errors"] == result.metrics["test"]["errors"]
    assert metrics_of_parts(result.run_id)["test/other"] == by_source
    assert pd.read_csv(artifact(run, "sources.csv")).source.tolist() == ["other"]
    assert artifact(run, "figures/sources.png").is_file()
    shown = {Path(config.data.dir, path).is_file() for path in predictions.path}
    assert shown == {True}


def test_an_output_that_cannot_be_written_is_told_before_the_training(folder, composed, pretrained):
    (folder / "file").write_text("")
    config = composed(*TINY, *pretrained, "train.output=file/model", "data.dir=never")
    with pytest.raises(OSError, match="file"):
        train_and_track(config)
    assert not (folder / "never").exists()


def last_run() -> mlflow.entities.Run:
    (run,) = mlflow.search_runs(order_by=["start_time DESC"], max_results=1, output_format="list")
    return run


def test_images_that_were_replaced_meanwhile_are_not_trained_on(
    folder, composed, pretrained, monkeypatch
):
    few = (*TINY[1:], "data.images=12", "data.dir=theirs")
    config = composed(*few, *pretrained, "data.seed=5", "workspace=theirs.work")

    def meanwhile(*_):
        other = composed(*few, "data.seed=6", "workspace=others.work")
        fetched_dataset(other.data, Path(other.workspace))

    monkeypatch.setattr(tracked_run, "log_inputs", meanwhile)
    for path in ("bank", "end_to_end"):
        with pytest.raises(InputError, match="is not the image that was fetched"):
            train_and_track(changed(config, train=changed(config.train, path=path)))
        assert last_run().info.status == "FAILED"


@pytest.mark.parametrize("kind", ["gone", "others"])
def test_a_run_whose_images_are_gone_is_evaluated_without_pictures(
    on_bank, folder, composed, pretrained, kind, capsys
):
    config, result, run = on_bank
    pictures = artifact(run, "figures/predictions.png").read_bytes()
    images, kept = Path(config.data.dir), folder / "kept"
    ended = mlflow.get_run(result.run_id).info.end_time
    images.rename(kept)
    if kind == "others":
        shutil.copytree(kept, images)
        one, *others = sorted(images.rglob("*.jpg"))
        for file in others:
            shutil.copy(one, file)
    client = mlflow.MlflowClient()
    client.set_tag(result.run_id, FINGERPRINT, "1234")
    try:
        # As from a folder whose settings name another experiment.
        elsewhere = composed(*TINY, *pretrained, "tracking.experiment=other")
        evaluate_again(result.run_id, elsewhere, ["evaluate", "decision"])
    finally:
        shutil.rmtree(images, ignore_errors=True)
        kept.rename(images)
        runs.connect(None, config.tracking.experiment)
    assert "has not the run's test images" in capsys.readouterr().out
    # With equal settings a job stays the sweep's.
    assert mlflow.get_run(result.run_id).data.tags[FINGERPRINT] == "1234"
    client.delete_tag(result.run_id, FINGERPRINT)
    after = mlflow.get_run(result.run_id).info
    # Its duration stays that of the training.
    assert (after.status, after.end_time) == ("FINISHED", ended)
    assert artifact(run, "figures/predictions.png").read_bytes() == pictures


def test_a_run_that_is_evaluated_again_keeps_its_settings_but_for_the_given_ones(on_bank, composed):
    config, result, _ = on_bank
    other = composed("evaluate.missed_crack=99", "evaluate.bins=7", "decision=photographs")
    given = (["evaluate.bins", "seed"], ["experiment"], ["decision.threshold"], ["decision"])
    bins, both, threshold, decision = (
        run_results._settings_of(result.run_id, other, names, predicted=True) for names in given
    )
    assert bins == changed(config, evaluate=changed(config.evaluate, bins=7))
    assert (both.evaluate.missed_crack, both.decision) == (99, other.decision)
    assert threshold.decision == changed(config.decision, threshold=other.decision.threshold)
    assert (decision.decision, decision.evaluate) == (other.decision, config.evaluate)


def test_a_run_that_is_evaluated_again_remembers_its_settings_and_its_engine(
    on_bank, composed, monkeypatch
):
    config, result, run = on_bank
    before, client = decision_of_run(run), mlflow.MlflowClient()
    client.set_tag(result.run_id, FINGERPRINT, "1234")
    monkeypatch.setattr(run_results, "served_engine", lambda _: ("another", "f16"))
    evaluate_again(result.run_id, composed("decision.threshold=0.9"), ["decision.threshold"])
    # A job with other settings is no longer the sweep's.
    tags = mlflow.get_run(result.run_id).data.tags
    assert tags[FINGERPRINT] == "evaluated again with another decision"
    evaluate_again(result.run_id, composed("evaluate.missed_crack=3"), ["evaluate.missed_crack"])
    again = mlflow.get_run(result.run_id)
    assert again.data.tags[FINGERPRINT] == "evaluated again with another evaluate"
    after = decision_of_run(again)
    assert (after.threshold, after.engine, after.precision) == (
        0.9,
        before.engine,
        before.precision,
    )
    client.delete_tag(result.run_id, FINGERPRINT)
    evaluate_again(result.run_id, config, ["decision", "evaluate"])


def test_the_precision_of_predictions_is_not_chosen_again(on_bank):
    config, result, _ = on_bank
    with pytest.raises(InputError, match=r"decision\.precision: the run's predictions"):
        evaluate_again(result.run_id, config, ["decision.precision"])


def test_a_run_whose_photographs_are_gone_keeps_its_decision_and_its_status(on_bank, composed):
    _, result, _ = on_bank
    run = mlflow.get_run(result.run_id)
    before, note = decision_of_run(run), run.data.tags["mlflow.note.content"]
    other = composed(
        *("decision=photographs", "decision.photographs.folders=[gone]", "decision.threshold=0.7")
    )
    with pytest.raises(InputError, match="gone: no such folder"):
        evaluate_again(result.run_id, other, ["decision"])
    after = mlflow.get_run(result.run_id)
    assert decision_of_run(after) == before
    assert after.data.tags["mlflow.note.content"] == note
    assert (after.info.status, after.info.end_time) == ("FINISHED", run.info.end_time)


def test_a_download_does_not_change_the_random_numbers(folder, composed, pretrained, monkeypatch):
    config = composed(*TINY, *pretrained)
    first = initial_classifier(config).classifier.get_weights()
    real = initial_classifier_module.load_imagenet

    def downloading(backbone, sources):
        small_backbone()  # as keras.applications builds one to load its weights into
        return real(backbone, sources)

    monkeypatch.setattr(initial_classifier_module, "load_imagenet", downloading)
    again = initial_classifier(config).classifier.get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    others = initial_classifier(composed(*TINY, *pretrained, "train.seed=1")).classifier
    assert not all(map(np.array_equal, first, others.get_weights()))


def test_a_run_that_has_trained_nothing_is_not_evaluated(folder, composed):
    config = composed(*TINY)
    runs.connect(config.tracking.uri, config.tracking.experiment)
    audited = config.model_dump(include={"data", "audit"})
    with runs.tracked_run("audit", audited, system_metrics=False) as run_id:
        pass
    with pytest.raises(InputError, match="has trained nothing, so there is nothing to evaluate"):
        evaluate_again(run_id, config)


def test_a_run_at_work_is_not_evaluated_again(folder, composed):
    config = composed(*TINY)
    with runs.tracked_run("training", {}, system_metrics=False) as run_id:
        tags = mlflow.get_run(run_id).data.tags
        with pytest.raises(InputError, match=f"run {run_id} is at work"):
            evaluate_again(run_id, config)
        assert mlflow.get_run(run_id).data.tags == tags
        mlflow.set_tag("process.host", "another")
        with pytest.raises(InputError, match="is RUNNING on another: evaluate it when it has"):
            evaluate_again(run_id, config)
        mlflow.set_tag("process.host", tags["process.host"])
    client = mlflow.MlflowClient()
    experiment = mlflow.get_run(run_id).info.experiment_id
    # The server did not let this process end it.
    left_open = client.create_run(experiment, tags=process_tags())
    run_results._refuse_at_work(left_open)
    client.set_terminated(left_open.info.run_id, "FAILED")


def test_run_that_raises_is_failed_with_its_error(folder, composed, tmp_path):
    config = composed(*TINY, f"model.imagenet.path={tmp_path / 'gone.h5'}")
    with pytest.raises(InputError):
        train_and_track(config)
    (run,) = mlflow.search_runs(order_by=["start_time DESC"], max_results=1, output_format="list")
    assert run.info.status == "FAILED"
    assert run.data.tags["error"].startswith("InputError: no ImageNet weights")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        (
            "model.frozen_layers=0",
            "model.frozen_layers=0 leaves no frozen prefix, so the classifier is",
        ),
        (
            "features.max_kib_per_image=1",
            "KiB for each image, above features.max_kib_per_image=1, so the classifier is",
        ),
    ],
)
def test_unsuited_cut_trains_end_to_end_and_says_so(composed, capsys, setting, says):
    config = composed(*TINY, "model.weights=null", setting)
    assert useful_cut(config, initial_classifier(config).classifier) is None
    assert says in capsys.readouterr().out
