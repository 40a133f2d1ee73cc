"""A sweep's parent run: the same again, its jobs' names, and the result it tells."""

from io import StringIO
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from src.report.evaluation import Evaluation, evaluate
from src.report.metrics import prediction_table
from src.report.sweep_table import ranked, ranking_table
from src.tracking import runs
from src.tracking.sweep import children_of, finished_child, job_of, latest_sweep, open_sweep
from src.tracking.sweep_report import candidates, figures_of, finished_jobs, report_sweep

LOGGED = {
    "data": {"dir": "images", "classes": ["Negative", "Positive"]},
    "tracking": {"prediction_grid": 4},
    "evaluate": {
        "bins": 5,
        "resamples": 100,
        "missed_crack": 10.0,
        "false_alarm": 1.0,
        "suspect": 0.45,
        "seed": 0,
    },
}
BASE = {"model": {"frozen_layers": 150, "dropout": 0.2}, "train": {"epochs": 10}}


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory):
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(tmp_path_factory.mktemp("project"))
        runs.connect(None, "crack-detection")
        yield
    mlflow.set_tracking_uri(before)


def settings(frozen: int = 150, dropout: float = 0.2) -> dict:
    return BASE | {"model": {"frozen_layers": frozen, "dropout": dropout}}


def opened(name: str, *keys: str, jobs: tuple = (settings(), settings(143, 0.3))) -> str:
    return open_sweep(name, keys, [f"{key}=…" for key in keys], jobs)


def predictions(wrong: list[int], images: range = range(40), loss: float = 0.1) -> pd.DataFrame:
    """Of the numbered images, the even ones Positive, as validation and as test part."""
    number = np.array(images)
    label = 1 - number % 2
    sure = np.exp(-loss)
    right = np.where(np.isin(number, wrong), 1 - sure, sure)
    probabilities = np.where(label[:, None] == [0, 1], right[:, None], 1 - right[:, None])
    parts = []
    for part in ("validation", "test"):
        path = [f"{part}-{n}.jpg" for n in number]
        manifest = pd.DataFrame({"path": path, "label": label, "part": part, "group": number})
        parts.append(prediction_table(manifest, probabilities))
    return pd.concat(parts, ignore_index=True)


def log_child(
    parent: str,
    table: pd.DataFrame,
    *overrides: str,
    logged: dict = LOGGED,
    images: str = "a" * 64,
    **job_settings: float,
) -> str:
    job = job_of(parent, overrides, settings(**job_settings))
    tags = {**job.tags, "dataset.fingerprint": images}
    with runs.tracked_run(
        job.name, logged, system_metrics=False, parent=parent, tags=tags
    ) as run_id:
        for epoch, loss in enumerate((0.5, 0.2), start=1):
            mlflow.log_metric("validation.loss", loss, step=epoch)
        runs.log_metrics_of_parts(evaluate(table, Evaluation(**logged["evaluate"])))
        runs.log_predictions(table)
    return run_id


def fail_child(parent: str, *overrides: str, **job_settings: float) -> None:
    job = job_of(parent, overrides, settings(**job_settings))
    options = {"system_metrics": False, "parent": parent, "tags": job.tags}
    with pytest.raises(OSError, match="disk"), runs.tracked_run(job.name, {}, **options):
        raise OSError("disk full")


def artifact(run_id: str, path: str) -> str:
    return mlflow.artifacts.load_text(f"runs:/{run_id}/{path}")


def test_same_sweep_goes_on_in_the_same_parent():
    first = opened("again", "model.frozen_layers", "model.dropout")
    wider = (settings(), settings(143, 0.3), settings(125, 0.5))
    assert opened("again", "model.frozen_layers", "model.dropout", jobs=wider) == first
    assert mlflow.get_run(first).info.status == "RUNNING"
    assert mlflow.get_run(first).data.params["train.epochs"] == "10"
    assert "model.dropout" not in mlflow.get_run(first).data.params


def test_other_name_settings_or_keys_make_another_sweep():
    first = opened("one", "model.frozen_layers", "model.dropout")
    assert opened("two", "model.frozen_layers", "model.dropout") != first
    assert opened("one", "model.frozen_layers") != first
    longer = tuple(job | {"train": {"epochs": 20}} for job in (settings(), settings(143, 0.3)))
    assert opened("one", "model.frozen_layers", "model.dropout", jobs=longer) != first


def test_jobs_are_named_by_what_varies():
    keys = ("model.frozen_layers", "model.dropout", "train.learning_rate", "split.fold", "split")
    given = ["train.epochs=1", "model.dropout=0.3", "model.frozen_layers=143", "split=random"]
    given += ["train.learning_rate=3e-4", "split.fold=2", "~local=null", "+sweep=x"]
    job = job_of(opened("names", *keys), given, settings())
    assert job.name == "frozen=143 dropout=0.3 lr=3e-4 fold=2 split=random"
    both = opened("both", "split.seed", "train.seed")
    assert job_of(both, ["split.seed=1", "train.seed=2"], settings()).name == (
        "split.seed=1 train.seed=2"
    )
    drawn = job_of(opened("drawn", keys[2]), [f"{keys[2]}=0.00031287612"], settings())
    assert drawn.name == "lr=0.000313"
    assert drawn.values == {keys[2]: "0.00031287612"}
    dated = job_of(opened("dated", "seed"), ["seed=20240101"], settings())
    assert (dated.name, dated.values) == ("seed=20240101", {"seed": "20240101"})


def test_job_is_found_finished_only_in_its_own_sweep_and_settings():
    parent, other = opened("skip", "model.dropout"), opened("other", "model.dropout")
    done = log_child(parent, predictions([]), "model.dropout=0.3", dropout=0.3)
    fail_child(parent, "model.dropout=0.5", dropout=0.5)

    def found(parent: str, dropout: float):
        override = f"model.dropout={dropout}"
        return finished_child(parent, job_of(parent, [override], settings(dropout=dropout)))

    assert found(parent, 0.3).info.run_id == done
    assert found(parent, 0.5) is None
    assert found(parent, 0.1) is None
    assert found(other, 0.3) is None


@pytest.fixture(scope="module")
def reported() -> tuple[str, str]:
    """A sweep of four jobs, one of which failed, and its summary; reported twice, as on resume."""
    parent = opened("reported", "model.frozen_layers", "model.dropout")

    def log(frozen: int, dropout: float, table: pd.DataFrame) -> None:
        overrides = (f"model.frozen_layers={frozen}", f"model.dropout={dropout}")
        log_child(parent, table, *overrides, frozen=frozen, dropout=dropout)

    log(150, 0.2, predictions([1], loss=0.1))
    log(150, 0.3, predictions([1, *range(2, 11)], loss=0.2))
    log(143, 0.2, predictions([1, 2], images=range(38), loss=0.3))
    failed = ("model.frozen_layers=143", "model.dropout=0.3")
    fail_child(parent, *failed, frozen=143, dropout=0.3)
    report_sweep(parent, since=0)
    return parent, report_sweep(parent, since=0).summary


def test_parent_has_the_best_childs_metrics(reported):
    metrics = mlflow.get_run(reported[0]).data.metrics
    assert metrics["best.test.errors"] == 1
    assert metrics["best.test.images"] == 40
    assert metrics["best.validation.loss"] == pytest.approx(predictions([1]).loss.mean())
    assert mlflow.get_run(reported[0]).data.tags["sweep.best"] == "frozen=150 dropout=0.2"


def test_ranking_tells_errors_intervals_and_what_is_no_worse(reported):
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
    assert (table.minutes >= 0).all()
    # 9 images that only the best has right: 2 / 2^9; the second was tested on other images.
    assert table.p_value.tolist() == pytest.approx([1, np.nan, 2 / 512], nan_ok=True)
    assert table.as_good_as_best.tolist()[::2] == [True, False]


def test_parent_describes_the_result_and_what_failed(reported):
    parent, summary = reported
    assert "3 of 4 jobs finished" in summary
    assert "frozen=143 dropout=0.3: FAILED, OSError: disk full" in summary
    assert "| frozen=150 dropout=0.2 | " in summary
    assert "| – | other images |" in summary
    assert mlflow.get_run(parent).data.tags["mlflow.note.content"] == summary


def test_no_p_value_for_other_images_of_the_same_names():
    parent = opened("drawn anew", "data.seed")
    for seed in range(2):
        table = predictions([1, 2], loss=(seed + 1) / 10)
        # The cut stands for what makes the jobs' settings differ.
        log_child(parent, table, f"data.seed={seed}", frozen=seed, images=f"{seed}" * 64)
    summary = report_sweep(parent, since=0).summary
    table = pd.read_csv(StringIO(artifact(parent, "ranking.csv")))
    assert table.p_value.tolist() == pytest.approx([1, np.nan], nan_ok=True)
    assert summary.count("| – | other images |") == 1


def test_what_failed_before_and_is_no_longer_swept_does_not_count():
    parent = opened("edited", "model.dropout")
    fail_child(parent, "model.dropout=0.9", dropout=0.9)
    failed = mlflow.last_active_run()
    log_child(parent, predictions([1]), "model.dropout=0.3", dropout=0.3)
    assert report_sweep(parent, since=failed.info.start_time).unfinished != []
    later = report_sweep(parent, since=failed.info.start_time + 1)
    assert later.unfinished == []
    assert later.summary.startswith("1 of 1 jobs finished. Best by validation loss: dropout=0.3.")


def test_parent_has_the_figures(reported):
    listed = mlflow.MlflowClient().list_artifacts(reported[0], "figures")
    assert {item.path for item in listed} == {
        "figures/against_frozen.png",
        "figures/against_dropout.png",
        "figures/heat_map_dropout_and_frozen.png",
        "figures/validation_curves.png",
    }


def test_latest_sweep_is_the_last_with_a_result():
    parent = opened("with a result", "model.dropout")
    log_child(parent, predictions([1]), "model.dropout=0.3", dropout=0.3)
    report_sweep(parent, since=0)
    opened("without", "model.dropout")
    assert latest_sweep().info.run_id == parent
    runs.connect(None, "never swept")
    try:
        assert latest_sweep() is None
    finally:
        runs.connect(None, "crack-detection")


@pytest.mark.parametrize(
    ("key", "values", "names"),
    [
        ("seed", (20240101, 20240102), ["seed=20240101", "seed=20240102"]),
        # More than a float holds.
        ("split.seed", (2**60, 2**60 + 1), [f"seed={2**60}", f"seed={2**60 + 1}"]),
        ("train.learning_rate", (0.00031287612, 0.00031287613), ["lr=0.000313", "lr=0.000313"]),
    ],
)
def test_values_that_look_alike_are_not_taken_together(key, values, names):
    parent = opened(f"alike {key}", key)
    for place, value in enumerate(values):
        # The dropout stands for what makes the jobs' settings differ.
        table = predictions([1], loss=0.1 + place / 10)
        log_child(parent, table, f"{key}={value}", dropout=place)
    done = finished_jobs(children_of(parent))
    table = ranking_table(ranked(candidates(done)))
    assert table.name.tolist() == names
    assert table[key].tolist() == list(values)
    (axes,) = figures_of(done)["validation_curves"].axes
    assert [curve.get_label() for curve in axes.lines] == names


def test_folds_are_named_by_rounded_values_too():
    parent = opened("rounded folds", "split.fold", "model.dropout")
    given = ("split.fold=0", "model.dropout=0.2123456")
    log_child(parent, predictions([1]), *given, dropout=0.2123456)
    (candidate,) = candidates(finished_jobs(children_of(parent)))
    assert candidate.name == "dropout=0.212 1 folds"


@pytest.fixture(scope="module")
def images(store) -> None:
    Path("images").mkdir()
    for number in range(40):
        Image.new("RGB", (8, 8)).save(f"images/test-{number}.jpg")


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
    report_sweep(parent, since=0)
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


@pytest.mark.usefixtures("images")
def test_suspects_of_all_folds_are_by_the_best_settings_own_rule():
    parent = opened("suspects", "split.fold", "evaluate.suspect")
    for suspect, loss in ((0.001, 0.3), (0.45, 0.2)):
        evaluation = {**LOGGED["evaluate"], "suspect": suspect}
        overrides = ("split.fold=0", f"evaluate.suspect={suspect}")
        table = predictions([3], images=range(20), loss=loss)
        logged = {**LOGGED, "evaluate": evaluation}
        log_child(parent, table, *overrides, logged=logged, dropout=loss)
    report_sweep(parent, since=0)
    suspects = pd.read_csv(StringIO(artifact(parent, "label_suspects.csv")))
    assert suspects.path.tolist() == ["test-3.jpg"]
