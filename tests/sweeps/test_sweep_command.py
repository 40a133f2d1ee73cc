"""`python -m src.train -m` from its start to its end, stopped and killed on the way."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.entities import Run

from src.tracking.processes import is_at_work
from tests.extras import needs
from tests.sweeps.commands import Sweeps
from tests.tracking.store import put_database
from tests.whole.project import Project

pytestmark = pytest.mark.slow
# For so few images OpenVINO's conversion is not worth its seconds.
ENGINE = "features.engine=tensorflow"
# In this order: the first job finishes, the second fails, the third finishes.
SWEEP = ("features.max_error=0.2,1e-12,0.3", "train.seed=1")


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory, warm_python: Path) -> Sweeps:
    folder = tmp_path_factory.mktemp("project")
    put_database(folder / "mlruns/mlflow.db")
    return Sweeps(folder, warm_python)


def artifact(sweeps: Sweeps, run: Run, name: str) -> str:
    """The path of an artifact of a run in the sweeps' folder."""
    address = f"sqlite:///{sweeps.folder}/mlruns/mlflow.db"
    return mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path=name, tracking_uri=address
    )


def wait_for(sweep: subprocess.Popen[bytes], condition: Callable[[], object]) -> None:
    while not condition():
        assert sweep.poll() is None, "the sweep ended too early: see its log"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def history(sweeps: Sweeps) -> tuple[list[Run], list[Run], int, str]:
    """The runs after Ctrl-C and after a kill, and the status and output of the last start."""
    sweep = sweeps.start(*SWEEP)
    wait_for(sweep, lambda: len(sweeps.runs()) == 3)
    sweep.send_signal(signal.SIGINT)
    assert sweep.wait() != 0
    interrupted = sweeps.runs()
    sweep = sweeps.start(*SWEEP)
    wait_for(sweep, lambda: len(sweeps.runs()) > 3)
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.wait()
    # The stand-in's fork outlives the kill for a moment.
    while is_at_work(sweeps.runs()[0]):
        time.sleep(0.1)
    killed = sweeps.runs()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TQDM_DELAY", "0")
        return interrupted, killed, *sweeps.run(*SWEEP)


def statuses(runs: list[Run]) -> list[str]:
    return [run.info.status for run in runs]


def test_interrupted_sweep_leaves_nothing_running(history):
    assert statuses(history[0]) == ["KILLED", "FINISHED", "FAILED"]


def test_killed_sweep_is_closed_at_the_next_start(sweeps, history):
    left = [run.info.run_id for run in history[1] if run.info.status == "RUNNING"]
    assert len(left) == 2
    assert "RUNNING" not in statuses(sweeps.runs())
    # The parent goes on; the job that was killed is another run's now.
    assert [run.info.status for run in sweeps.runs() if run.info.run_id == left[1]] == ["KILLED"]


def test_jobs_at_work_are_announced_with_the_time_that_is_left(history):
    output = history[3]
    assert "\njob 1 of 3 is at work\n" in output
    assert re.search(r"\njob 3 of 3 is at work, about \d\d:\d\d left for the sweep\n", output)


def test_all_starts_are_one_parent_and_nothing_is_done_twice(sweeps, history):
    parent, *others = sweeps.runs()
    assert parent.info.run_name == "max_error=0.2,1e-12,0.3"
    assert [run.info.run_id for run in sweeps.children(parent)] == [r.info.run_id for r in others]
    done = [run.info.run_name for run in others if run.info.status == "FINISHED"]
    assert done == ["max_error=0.2", "max_error=0.3"]


def test_failed_job_is_a_failed_child_and_the_sweep_fails(sweeps, history):
    _, _, status, output = history
    assert status == 1
    assert "2 of 3 jobs finished" in output
    parent, *children = sweeps.runs()
    assert parent.info.status == "FAILED"
    (failed,) = [run for run in children if run.info.start_time == max_start(children, "1e-12")]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["error"].startswith("InputError: the openvino engine in f32 is off by")
    assert "Traceback" not in output.split("sweep max_error")[1]


def max_start(children: list[Run], value: str) -> int:
    return max(run.info.start_time for run in children if value in run.info.run_name)


def test_parent_has_what_the_sweep_found(sweeps, history):
    parent, *children = sweeps.runs()
    finished = [run for run in children if run.info.status == "FINISHED"]
    least = min(run.data.metrics["best.validation.loss"] for run in finished)
    assert parent.data.metrics["best.validation.loss"] == pytest.approx(least)
    assert parent.data.tags["sweep.overrides"].endswith("train.seed=1")
    assert parent.data.params["train.seed"] == "1"


def test_bad_value_fails_before_any_job(sweeps, history):
    before = len(sweeps.runs())
    status, output = sweeps.run("model.dropout=0.1,2", log="bad")
    assert status == 1
    assert "model.dropout: should be less than 1 (it is 2)" in output
    assert "Traceback" not in output
    assert len(sweeps.runs()) == before


def test_layers_that_a_backbone_lacks_fail_before_any_job(sweeps, history):
    before = len(sweeps.runs())
    swept = ("model.frozen_layers=150,155", "model=mobilenet_v3_small,mobilenet_v2")
    status, output = sweeps.run(*swept, log="layers")
    assert status == 1
    assert "frozen_layers is 155, but mobilenet_v2 has 154 layers: give a number" in output
    assert len(sweeps.runs()) == before


def test_job_that_dies_before_its_run_begins_is_missed(sweeps, history):
    # What the second job would train on cannot be identified.
    (sweeps.folder / "two").mkdir()
    (sweeps.folder / "two" / "corrections.csv").write_text("photo\na.jpg\n")
    status, output = sweeps.run(
        *("data=corrections", "data.path=one,two", "tracking.run_name=lost"), log="lost"
    )
    assert status == 1
    assert "0 of 2 jobs finished" in output
    assert "corrections.csv, line 2: file: Field required" in output
    assert "path=two: ended before its run began" in output


def test_threads_that_this_process_cannot_take_fail_the_job(sweeps, history):
    status, output = sweeps.run(
        # The first job takes its threads, and then fails at once.
        *("threads.tensorflow=1,2", "model.imagenet.path=missing.h5"),
        log="threads",
    )
    assert status == 1
    assert "0 of 2 jobs finished" in output
    assert "tensorflow=1: FAILED, InputError: " in output
    assert "missing.h5" in output
    assert "tensorflow=2: FAILED, InputError: threads.tensorflow=2: this process has" in output


@pytest.fixture(scope="module")
def failed(sweeps, history) -> str:
    """The output of a sweep over two cuts, with a password, whose jobs all fail at once."""
    status, output = sweeps.run(
        *("model.dropout=0.1,0.2", "model.frozen_layers=150,143"),
        *("model.imagenet.path=missing.h5", "tracking.ui=http://user:s3cret@127.0.0.1:5000"),
        "tracking.run_name=order",
        log="failed",
    )
    assert status == 1
    return output


def test_jobs_of_one_cut_run_together(sweeps, failed):
    order = [run.info.run_name for run in sweeps.runs() if "frozen" in run.info.run_name]
    assert order == [
        *("frozen=150 dropout=0.1", "frozen=150 dropout=0.2"),
        *("frozen=143 dropout=0.1", "frozen=143 dropout=0.2"),
    ]


def test_no_file_of_a_sweep_has_a_password(sweeps, failed):
    assert "0 of 4 jobs finished" in failed
    written = [path for path in sweeps.folder.rglob("*") if path.is_file()]
    assert any(path.name == "multirun.yaml" for path in written)
    assert [path for path in written if b"s3cret" in path.read_bytes()] == []


def test_parent_of_folds_has_the_predictions_of_all_images(sweeps, history):
    status, output = sweeps.run("+sweep=folds", "split.fold=0,1", ENGINE, log="folds")
    assert status == 0, output
    assert "2 folds" in output
    (parent,) = [run for run in sweeps.runs() if run.info.run_name == "folds"]
    kept = {
        name: artifact(sweeps, parent, name) for name in ("predictions.csv", "label_suspects.csv")
    }
    tables = {name: pd.read_csv(path) for name, path in kept.items()}
    predictions = tables["predictions.csv"]
    test = predictions[predictions.part == "test"]
    assert len(test) == test.path.nunique() == parent.data.metrics["best.test.images"]
    assert set(tables["label_suspects.csv"].part) <= {"test"}


@pytest.fixture(scope="module")
def edited(tmp_path_factory, warm_python: Path) -> tuple[Sweeps, Run, list[str]]:
    """Two sweeps, the second with changed evaluation code: folder, first parent, both outputs."""
    project = Project(tmp_path_factory.mktemp("code"), warm_python)
    folder = tmp_path_factory.mktemp("project")
    put_database(folder / "mlruns/mlflow.db")
    sweeps = Sweeps(folder, warm_python, code=project.folder)
    # A sweep has several jobs. The second one fails at once, and a training takes seconds.
    swept = "model.imagenet.path=small.weights.h5,missing.h5"
    options = (swept, "tracking.run_name=edited", ENGINE)
    before = sweeps.run(*options)
    (parent,) = sweeps.runs("attributes.run_name = 'edited'")
    loss = '"loss": float(calibrated.loss.mean())'
    project.edit("src/statistics/run_metrics.py", loss, f"{loss} + 1000")
    after = sweeps.run(*options)
    assert [status for status, _ in (before, after)] == [1, 1], before[1] + after[1]
    return sweeps, parent, [before[1], after[1]]


def test_jobs_of_other_evaluation_code_are_trained_anew(edited):
    sweeps, before, outputs = edited
    assert all("1 of 2 jobs finished" in output for output in outputs)
    assert "finished before" not in outputs[1]
    parents = sweeps.runs("attributes.run_name = 'edited'")
    assert [len(sweeps.children(parent)) for parent in parents] == [2, 2]
    assert parents[0].info.run_id == before.info.run_id


def test_no_ranking_has_metrics_of_two_codes(edited):
    sweeps, _, _ = edited
    for parent, wrong in zip(sweeps.runs("attributes.run_name = 'edited'"), (0, 1000), strict=True):
        children = sweeps.children(parent)
        (finished,) = [run for run in children if run.info.status == "FINISHED"]
        logged = artifact(sweeps, finished, "metrics.json")
        loss = json.loads(Path(logged).read_text())["calibration"]["loss"]
        assert wrong < loss < wrong + 1000
        ranking = artifact(sweeps, parent, "ranking.csv")
        assert pd.read_csv(ranking).name.tolist() == [finished.info.run_name]


def test_the_process_of_a_sweep_is_quiet_whatever_the_launcher(tmp_path):
    needs("hydra_plugins.hydra_joblib_launcher")
    # The number of layers is checked by Keras, whose import makes TensorFlow write to descriptor 2.
    swept = Sweeps(tmp_path, Path(sys.executable))
    status, output = swept.run("+launcher=joblib", "model.frozen_layers=150,999")
    assert status == 1
    assert output.startswith("error: model.frozen_layers is 999, ")
    assert output.count("\n") == 1


def test_the_jobs_of_a_sweep_are_in_one_experiment(sweeps: Sweeps):
    status, output = sweeps.run("tracking.experiment=a,b", log="apart")
    assert status == 1
    assert output.startswith("error: the jobs of a sweep need one tracking.uri and one tracking.ex")
