"""The result that a sweep's parent run tells."""

import json
import re
from io import StringIO
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from src.sweeps import sweep_report
from src.sweeps.ranking import ranked, ranking_table
from src.sweeps.sweep_callback import _closing
from src.sweeps.sweep_children import candidates, finished_jobs, latest_children
from src.sweeps.sweep_jobs import job_of, reuse_finished
from src.sweeps.sweep_report import figures_of, report_sweep
from tests.sweeps.samples import (
    LOGGED,
    artifact,
    fail_child,
    log_child,
    opened,
    predictions,
    reopened,
    settings,
)

pytestmark = pytest.mark.usefixtures("store")


def description(parent: str) -> str:
    """The description of the parent's page."""
    return str(mlflow.get_run(parent).data.tags["mlflow.note.content"])


@pytest.fixture(scope="module")
def reported(store) -> tuple[str, str]:
    """The parent and summary of a sweep that was reported twice. One of its four jobs failed."""
    parent = opened("reported", "model.frozen_layers", "model.dropout")

    def log(frozen: int, dropout: float, table: pd.DataFrame) -> None:
        overrides = (f"model.frozen_layers={frozen}", f"model.dropout={dropout}")
        log_child(parent, table, *overrides, frozen=frozen, dropout=dropout)

    log(150, 0.2, predictions([1], loss=0.1))
    log(150, 0.3, predictions([1, *range(2, 11)], loss=0.2))
    log(143, 0.2, predictions([1, 2], images=range(38), loss=0.3))
    failed = ("model.frozen_layers=143", "model.dropout=0.3")
    fail_child(parent, *failed, frozen=143, dropout=0.3)
    report_sweep(parent)
    return parent, report_sweep(parent).summary


@pytest.mark.slow
def test_parent_has_the_best_childs_metrics(reported):
    metrics = mlflow.get_run(reported[0]).data.metrics
    assert metrics["best.test.errors"] == 1
    assert metrics["best.test.images"] == 40
    assert metrics["best.validation.loss"] == pytest.approx(predictions([1]).loss.mean())
    assert mlflow.get_run(reported[0]).data.tags["sweep.best"] == "frozen=150 dropout=0.2"


def test_ranking_tells_errors_intervals_and_what_is_told_apart(reported):
    table = pd.read_csv(StringIO(artifact(reported[0], "ranking.csv")))
    assert table.name.tolist() == [
        "frozen=150 dropout=0.2",
        "frozen=143 dropout=0.2",
        "frozen=150 dropout=0.3",
    ]
    assert table["model.frozen_layers"].tolist() == [150, 143, 150]
    assert table.test_errors.tolist() == [1, 2, 10]
    assert (table.test_low < table.test_accuracy).all()
    assert (table.test_accuracy < table.test_high).all()
    # 9 images that only the best has right: 2 / 2^9; the second was tested on other images.
    assert table.p_value.tolist() == pytest.approx([np.nan, np.nan, 2 / 512], nan_ok=True)
    assert table.told_apart.tolist()[2] is True
    assert table.within_margin.tolist()[2] is False


def test_parent_describes_the_result_and_what_failed(reported):
    parent, shown = reported
    summary = description(parent)
    for text in (summary, shown):
        assert "3 of 4 jobs finished" in text
        assert "frozen=143 dropout=0.3: FAILED, OSError: disk full" in text
    # The terminal shows neither Markdown's bars nor a link that only a browser can follow.
    assert not {"|", "#"} & set(shown)
    assert [line.rpartition("  ")[2] for line in shown.splitlines() if line.startswith("frozen")][
        :3
    ] == ["the best", "other images", "more errors than the best"]
    assert "| frozen=150 dropout=0.2 | " in summary
    told = [line.split(" | ")[-2:] for line in summary.splitlines() if line.startswith("| frozen=")]
    assert told == [
        ["–", "the best |"],
        ["–", "other images |"],
        ["0.00391", "more errors than the best |"],
    ]


@pytest.mark.slow
def test_a_sweep_over_sources_tells_each_of_them():
    parent = opened("sources", "split.source")
    for cut, source in enumerate(("metu", "decks")):
        table = predictions([cut, 2])
        table.loc[table.part == "test", "source"] = source
        log_child(parent, table, f"split.source={source}", frozen=cut)
    summary = report_sweep(parent).summary
    note = mlflow.get_run(parent).data.tags["mlflow.note.content"]
    assert "| source | errors | AUROC | F1 | recall | false alarms |" in note
    assert "| decks | 2 of 40 | " in note
    assert re.search(r"^decks +2 of 40 +0\.9", summary, flags=re.M)
    assert set(pd.read_csv(StringIO(artifact(parent, "sources.csv"))).source) == {"metu", "decks"}


@pytest.mark.slow
def test_no_p_value_for_other_images_of_the_same_names():
    parent = opened("drawn anew", "data.seed")
    for seed in range(2):
        table = predictions([1, 2], loss=(seed + 1) / 10)
        # The cut stands for what makes the jobs' settings differ.
        log_child(parent, table, f"data.seed={seed}", frozen=seed, images=f"{seed}" * 64)
    # src.compare would refuse two runs on different test images.
    assert report_sweep(parent).best == []
    summary = description(parent)
    table = pd.read_csv(StringIO(artifact(parent, "ranking.csv")))
    assert table.p_value.isna().all()
    assert summary.count("| – | other images |") == 1
    assert sweep_report.OTHERS in summary


@pytest.mark.slow
def test_what_failed_before_and_is_no_longer_swept_does_not_count():
    parent = opened("edited", "model.dropout")
    fail_child(parent, "model.dropout=0.9", dropout=0.9)
    log_child(parent, predictions([1]), "model.dropout=0.3", dropout=0.3)
    assert report_sweep(parent).unfinished != []
    reopened(parent, "edited", "model.dropout")
    later = report_sweep(parent)
    assert later.unfinished == []
    assert later.summary.startswith("1 of 1 jobs finished. Best by validation loss: dropout=0.3.")


def test_job_that_left_no_run_is_unfinished():
    parent = opened("lost", "model.dropout")
    log_child(parent, predictions([1]), "model.dropout=0.3", dropout=0.3)
    jobs = [{"model.dropout": "0.3"}, {"model.dropout": "0.5"}]
    outcome = report_sweep(parent, jobs)
    (told,) = outcome.unfinished
    assert told.startswith("dropout=0.5: ended before its run began")
    assert "1 of 2 jobs finished" in outcome.summary
    # What an earlier start has done under this value may be of another configuration.
    reopened(parent, "lost", "model.dropout")
    assert len(report_sweep(parent, jobs).unfinished) == 2
    assert "sweep.best" not in mlflow.get_run(parent).data.tags


def test_job_given_in_other_digits_is_the_same():
    parent = opened("digits", "model.dropout")
    log_child(parent, predictions([1]), "model.dropout=0", dropout=0)
    reopened(parent, "digits", "model.dropout")
    assert reuse_finished(parent, job_of(parent, ["model.dropout=0.0"], settings(dropout=0)))
    assert report_sweep(parent, [{"model.dropout": "0.0"}]).unfinished == []


def test_same_settings_under_another_name_are_another_job():
    parent = opened("renamed", "experiment")
    log_child(parent, predictions([1]), "experiment=a", dropout=0.3)
    assert not reuse_finished(parent, job_of(parent, ["experiment=b"], settings(dropout=0.3)))


@pytest.mark.slow
def test_of_a_value_whose_file_was_edited_the_latest_run_counts():
    def ranked_losses(parent: str) -> list[float]:
        report_sweep(parent)
        table = pd.read_csv(StringIO(artifact(parent, "ranking.csv")))
        return table.validation_loss.round(3).tolist()

    names = ("experiment=a", "experiment=b")
    parent = opened("files", "experiment")
    for place, name in enumerate(names):
        # The dropout stands for what the file says.
        log_child(parent, predictions([], loss=(place + 1) / 10), name, dropout=place)
    assert ranked_losses(parent) == [0.1, 0.2]

    reopened(parent, "files", "experiment")
    assert reuse_finished(parent, job_of(parent, names[:1], settings(dropout=0)))
    log_child(parent, predictions([], loss=0.3), names[1], dropout=0.9)
    assert ranked_losses(parent) == [0.1, 0.3]

    reopened(parent, "files", "experiment")
    assert reuse_finished(parent, job_of(parent, names[1:], settings(dropout=1)))
    assert ranked_losses(parent) == [0.1, 0.2]


@pytest.mark.slow
def test_numbers_swept_together_with_null_and_a_loss_of_nothing_are_drawn():
    parent = opened("mixed", "split.images", "model.dropout")
    for images in ("1000", "null"):
        for dropout, loss in ((0.2, 0.1), (0.3, 0.0)):
            overrides = (f"split.images={images}", f"model.dropout={dropout}")
            # The cut stands for what makes the jobs' settings differ.
            cut = len(images)
            log_child(parent, predictions([], loss=loss), *overrides, frozen=cut, dropout=dropout)
    report_sweep(parent)
    figures = mlflow.MlflowClient().list_artifacts(parent, "figures")
    assert "figures/heat_map_dropout_and_images.png" in {item.path for item in figures}
    (axes, *_) = figures_of(finished_jobs(latest_children(parent)))["against_images"].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1000", "null"]


@pytest.mark.slow
def test_columns_of_the_view_hold_what_varies():
    parent = opened("groups", "augment", "model.dropout")
    overrides = ("augment=flips", "model.dropout=0.3")
    logged = {**LOGGED, "augment": {"flip": None}, "model": {"dropout": 0.3}}
    log_child(parent, predictions([1]), *overrides, logged=logged, dropout=0.3)
    report_sweep(parent)
    experiment = mlflow.get_experiment(mlflow.get_run(parent).info.experiment_id)
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{parent}"])
    assert view["selectedColumns"][:2] == ["tags.`sweep.value.augment`", "params.`model.dropout`"]
    (child,) = latest_children(parent)
    assert child.data.tags["sweep.value.augment"] == "flips"


@pytest.mark.slow
def test_long_ranking_is_cut_short_in_the_description_and_says_so(monkeypatch):
    monkeypatch.setattr(sweep_report, "DESCRIBED", 3)
    parent = opened("long", "model.dropout")
    for place in range(4):
        value = place / 100
        table = predictions([1], loss=0.1 + value)
        log_child(parent, table, f"model.dropout={value}", dropout=value)
    report_sweep(parent)
    summary = description(parent)
    assert summary.count("| dropout=") == 3
    assert "1 more are in ranking.csv" in summary
    assert len(pd.read_csv(StringIO(artifact(parent, "ranking.csv")))) == 4


def test_parent_has_the_figures(reported):
    listed = mlflow.MlflowClient().list_artifacts(reported[0], "figures")
    assert {item.path for item in listed} == {
        "figures/against_frozen.png",
        "figures/against_dropout.png",
        "figures/heat_map_dropout_and_frozen.png",
        "figures/validation_curves.png",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "values", "names"),
    [
        ("seed", (20240101, 20240102), ["seed=20240101", "seed=20240102"]),
        # More than a float holds.
        ("data.seed", (2**60, 2**60 + 1), [f"seed={2**60}", f"seed={2**60 + 1}"]),
        ("train.learning_rate", (0.00031287612, 0.00031287613), ["lr=3.13e-4", "lr=3.13e-4"]),
    ],
)
def test_values_that_look_alike_are_not_taken_together(key, values, names):
    parent = opened(f"alike {key}", key)
    for place, value in enumerate(values):
        # The dropout stands for what makes the jobs' settings differ.
        table = predictions([1], loss=0.1 + place / 10)
        log_child(parent, table, f"{key}={value}", dropout=place)
    done = finished_jobs(latest_children(parent))
    table = ranking_table(ranked(candidates(done)), 0.001)
    assert table.name.tolist() == names
    assert table[key].tolist() == list(values)
    (axes,) = figures_of(done)["validation_curves"].axes
    assert [curve.get_label() for curve in axes.lines] == names


def test_folds_are_named_by_rounded_values_too():
    parent = opened("rounded folds", "split.fold", "model.dropout")
    given = ("split.fold=0", "model.dropout=0.2123456")
    log_child(parent, predictions([1]), *given, dropout=0.2123456)
    (candidate,) = candidates(finished_jobs(latest_children(parent)))
    assert candidate.name == "dropout=0.212 1 fold"


@pytest.fixture(scope="module")
def images(store) -> None:
    Path("images").mkdir()
    for number in range(40):
        Image.new("RGB", (8, 8)).save(f"images/test-{number}.jpg")


@pytest.mark.slow
@pytest.mark.usefixtures("images")
def test_folds_are_taken_together():
    parent = opened("folds", "split.fold", "model.dropout")
    for dropout, wrong in ((0.2, [3]), (0.3, [3, 4, 25])):
        for fold in range(2):
            images = range(20 * fold, 20 * fold + 20)
            overrides = (f"split.fold={fold}", f"model.dropout={dropout}")
            table = predictions(wrong, images=images, loss=dropout)
            # The fold stands for what makes the jobs' settings differ.
            log_child(parent, table, *overrides, frozen=fold, dropout=dropout)
    report_sweep(parent)
    table = pd.read_csv(StringIO(artifact(parent, "ranking.csv")))
    assert table.name.tolist() == ["dropout=0.2 2 folds", "dropout=0.3 2 folds"]
    assert table.test_errors.tolist() == [1, 3]
    assert table.test_images.tolist() == [40, 40]
    assert table.p_value[1] == pytest.approx(0.5)
    metrics = mlflow.get_run(parent).data.metrics
    assert (metrics["best.test.errors"], metrics["best.test.images"]) == (1, 40)
    kept = pd.read_csv(StringIO(artifact(parent, "predictions.csv")))
    assert (kept.part == "test").sum() == 40
    suspects = pd.read_csv(StringIO(artifact(parent, "label_suspects.csv")))
    assert suspects.path.tolist() == ["test-3.jpg"]
    figures = mlflow.MlflowClient().list_artifacts(parent, "figures")
    assert "figures/label_suspects.png" in {item.path for item in figures}
    # By which `src.compare` tells the images of two parents apart.
    assert mlflow.get_run(parent).data.tags["dataset.fingerprint"] == "a" * 64


@pytest.mark.slow
def test_folds_are_reported_where_the_images_are_not():
    parent = opened("folds of elsewhere", "split.fold")
    logged = {**LOGGED, "data": {**LOGGED["data"], "dir": "elsewhere"}}
    log_child(parent, predictions([3]), "split.fold=0", logged=logged)
    report_sweep(parent)
    suspects = pd.read_csv(StringIO(artifact(parent, "label_suspects.csv")))
    assert suspects.path.tolist() == ["test-3.jpg"]
    figures = mlflow.MlflowClient().list_artifacts(parent, "figures")
    assert "figures/label_suspects.png" not in {item.path for item in figures}


@pytest.mark.slow
def test_settings_that_lack_folds_rank_behind_those_that_have_them():
    parent = opened("folds lost", "split.fold", "model.dropout")
    for dropout, folds, loss in ((0.2, 2, 0.3), (0.3, 1, 0.1)):
        for fold in range(folds):
            images = range(20 * fold, 20 * fold + 20)
            overrides = (f"split.fold={fold}", f"model.dropout={dropout}")
            table = predictions([], images=images, loss=loss)
            # The cut stands for what makes the jobs' settings differ.
            log_child(parent, table, *overrides, frozen=fold, dropout=dropout)
    ranking = ranked(candidates(finished_jobs(latest_children(parent))))
    assert [one.name for one in ranking] == ["dropout=0.2 2 folds", "dropout=0.3 1 fold"]
    # Later only one fold is asked for, and all have it.
    reopened(parent, "folds lost", "split.fold", "model.dropout")
    overrides = ("split.fold=0", "model.dropout=0.4")
    table = predictions([], images=range(20), loss=0.2)
    log_child(parent, table, *overrides, frozen=0, dropout=0.4)
    ranking = ranked(candidates(finished_jobs(latest_children(parent))))
    assert [one.values["model.dropout"] for one in ranking] == [0.3, 0.4, 0.2]


@pytest.mark.slow
def test_settings_with_other_folds_are_compared_on_those_of_the_latest_start():
    """Fold 1 is hard, and the later sweep leaves it out."""
    parent = opened("other folds", "split.fold", "model.dropout")

    def log(dropout: float, losses: dict[int, float]) -> None:
        for fold, loss in losses.items():
            table = predictions([], images=range(20 * fold, 20 * fold + 20), loss=loss)
            overrides = (f"split.fold={fold}", f"model.dropout={dropout}")
            log_child(parent, table, *overrides, frozen=fold, dropout=dropout)

    def found() -> list[str]:
        return [one.name for one in ranked(candidates(finished_jobs(latest_children(parent))))]

    log(0.1, {0: 0.1, 1: 0.9})
    log(0.2, {0: 0.2, 1: 0.9})
    reopened(parent, "other folds", "split.fold", "model.dropout")
    log(0.1, {2: 0.1})
    log(0.2, {2: 0.2})
    # The folds of two starts are all there are.
    assert found() == ["dropout=0.1 3 folds", "dropout=0.2 3 folds"]
    reopened(parent, "other folds", "split.fold", "model.dropout")
    log(0.1, {0: 0.1, 2: 0.1})
    log(0.3, {0: 0.3, 2: 0.3})
    assert found() == ["dropout=0.1 2 folds", "dropout=0.2 2 folds", "dropout=0.3 2 folds"]


@pytest.mark.slow
@pytest.mark.usefixtures("images")
def test_suspects_of_all_folds_are_by_the_best_settings_own_rule():
    parent = opened("suspects", "split.fold", "evaluate.suspect")
    for suspect, loss in ((0.001, 0.3), (0.45, 0.2)):
        evaluation = {**LOGGED["evaluate"], "suspect": suspect}
        overrides = ("split.fold=0", f"evaluate.suspect={suspect}")
        table = predictions([3], images=range(20), loss=loss)
        logged = {**LOGGED, "evaluate": evaluation}
        log_child(parent, table, *overrides, logged=logged, dropout=loss)
    report_sweep(parent)
    suspects = pd.read_csv(StringIO(artifact(parent, "label_suspects.csv")))
    assert suspects.path.tolist() == ["test-3.jpg"]


def test_a_sweep_names_a_comparison_only_of_its_best_two():
    parent = opened("folds alone", "split.fold")
    for fold in range(2):
        table = predictions([], images=range(20 * fold, 20 * fold + 20))
        log_child(parent, table, f"split.fold={fold}", frozen=fold)
    outcome = report_sweep(parent)
    assert outcome.best == []
    assert "src.compare" not in _closing(parent, "http://127.0.0.1:5000", outcome.best)
    assert "src.compare a" in _closing(parent, "http://127.0.0.1:5000", ["a" * 32, "b" * 32])


def test_a_sweep_over_training_images_is_compared_on_the_same_test_images():
    parent = opened("training images", "data.sources.mine.path")
    for number in range(2):
        run_id = log_child(
            parent,
            predictions([1], loss=(number + 1) / 10),
            f"data.sources.mine.path={number}",
            frozen=number,
            images=f"{number}" * 64,
        )
        mlflow.MlflowClient().set_tag(run_id, "dataset.tested", "c" * 64)
    outcome = report_sweep(parent)
    assert len(outcome.best) == 2
    assert "other images" not in outcome.summary
    assert sweep_report.OTHERS not in outcome.summary
    assert ",1.0," in artifact(parent, "ranking.csv")
