"""Where runs are kept."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from src.errors import InputError
from src.tracking import runs
from src.tracking.run_reading import run_named
from tests.tracking.store import put_database


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    before = mlflow.get_tracking_uri()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield tmp_path
    mlflow.set_tracking_uri(before)


@pytest.mark.slow
def test_sqlite_with_the_artifacts_beside_it_by_default(folder):
    runs.connect(None, "crack-detection")
    assert (folder / "mlruns/mlflow.db").is_file()
    experiment = mlflow.get_experiment_by_name("crack-detection")
    assert experiment.artifact_location == (folder / "mlruns/artifacts").as_uri()


@pytest.mark.slow
def test_environment_chooses_the_server_and_the_setting_comes_before_it(folder, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/team.db")
    runs.connect(None, "crack-detection")
    assert (folder / "team.db").is_file()
    assert not (folder / "mlruns").exists()
    runs.connect(f"sqlite:///{folder}/own.db", "crack-detection")
    assert (folder / "own.db").is_file()


def test_a_server_that_does_not_answer_is_an_error_that_names_it(folder, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(InputError, match=r"can't track runs at http://127\.0\.0\.1:9"):
        runs.connect("http://127.0.0.1:9", "crack-detection")


def test_interrupted_run_is_not_left_running(folder):
    put_database(folder / "mlruns/mlflow.db")
    runs.connect(None, "crack-detection")

    def interrupted() -> None:
        with runs.tracked_run("stopped", {}, system_metrics=False):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    (run,) = mlflow.search_runs(output_format="list")
    assert run.info.status == "FAILED"
    assert run.data.tags["error"].startswith("KeyboardInterrupt")


def test_a_run_ends_though_its_log_is_gone(folder):
    put_database(folder / "mlruns/mlflow.db")
    runs.connect(None, "crack-detection")
    with runs.tracked_run("one", {}, system_metrics=False, log=folder / "gone.log") as run_id:
        pass
    assert mlflow.active_run() is None
    assert mlflow.get_run(run_id).info.status == "FINISHED"


def test_nested_settings_become_dotted_names():
    assert runs.flatten({"a": 1, "b": {"c": 2, "d": {"e": None}}}) == {
        "a": 1,
        "b.c": 2,
        "b.d.e": None,
    }


def test_each_part_of_a_dataset_is_an_input_with_its_own_digest(folder):
    put_database(folder / "mlruns" / "mlflow.db")
    runs.connect(None, "crack-detection")
    digests = set()
    for train in (["a", "b"], ["a", "c"]):
        parts = {path: "train" if path in train else "test" for path in "abc"}
        manifest = pd.DataFrame({"path": list(parts), "part": list(parts.values()), "label": 0})
        with runs.tracked_run(None, {}, system_metrics=False) as run_id:
            runs.log_dataset(
                manifest,
                name="drawn",
                source="images",
                fingerprints={part: part.ljust(64, train[1]) for part in ("train", "test")},
            )
        digests |= {entry.dataset.digest for entry in mlflow.get_run(run_id).inputs.dataset_inputs}
    assert len(digests) == 4


def test_the_command_that_restores_a_run_can_be_pasted(folder):
    put_database(folder / "mlruns/mlflow.db")
    runs.connect(None, "crack-detection")
    with runs.tracked_run("one", {}, system_metrics=False) as run_id:
        pass
    mlflow.delete_run(run_id)
    with pytest.raises(InputError, match=f"run {run_id} is deleted") as error:
        run_named(run_id)
    command = str(error.value).split("`")[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # A shell runs it, as it would after a paste.
    subprocess.run(command, shell=True, env=environment, check=True)
    assert run_named(run_id).info.lifecycle_stage == "active"
