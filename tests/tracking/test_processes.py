"""Runs that a killed process left running are closed, and nobody else's."""

import subprocess
from pathlib import Path

import mlflow
import pytest

from src.tracking import runs
from src.tracking.processes import HOST, PROCESS, close_abandoned_runs, process_tags

pytestmark = pytest.mark.usefixtures("store")


def running(tags: dict[str, str]) -> str:
    run = mlflow.start_run(tags=tags)
    mlflow.end_run()
    mlflow.MlflowClient().update_run(run.info.run_id, status="RUNNING")
    return run.info.run_id


@pytest.fixture
def ended_process(monkeypatch: pytest.MonkeyPatch, warm_python: Path) -> str:
    """What the tags of a run say of its process, which has ended."""
    monkeypatch.setenv("PYTHONPATH", str(runs.__file__).removesuffix("src/tracking/runs.py"))
    code = (
        "from src.tracking.processes import PROCESS, process_tags; print(process_tags()[PROCESS])"
    )
    ended = subprocess.run([warm_python, "-c", code], capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def status(run_id: str) -> str:
    return mlflow.get_run(run_id).info.status


@pytest.mark.slow
def test_run_of_a_dead_process_is_killed_at_the_next_start(ended_process):
    dead = running(process_tags() | {PROCESS: ended_process})
    runs.connect(None, "crack-detection")
    assert status(dead) == "KILLED"
    assert mlflow.get_run(dead).data.tags["error"] == ("its process ended without closing the run")


def test_other_process_with_the_same_id_is_not_the_runs_own():
    pid, started = process_tags()[PROCESS].split()
    reused = running(process_tags() | {PROCESS: f"{pid} {int(started) - 60}"})
    assert close_abandoned_runs() == [reused]


def test_runs_of_the_living_of_other_machines_and_of_nobody_stay():
    mine = running(process_tags())
    elsewhere = running({HOST: "elsewhere", PROCESS: "1 1"})
    nobodys = running({})
    assert close_abandoned_runs() == []
    assert {status(run_id) for run_id in (mine, elsewhere, nobodys)} == {"RUNNING"}


def test_tracked_run_says_whose_it_is():
    with runs.tracked_run("mine", {}, system_metrics=False) as run_id:
        pass
    assert process_tags().items() <= mlflow.get_run(run_id).data.tags.items()


def pending(tags: dict[str, str]) -> str:
    experiment = mlflow.get_experiment_by_name("crack-detection").experiment_id
    return mlflow.MlflowClient().create_logged_model(experiment, tags=tags).model_id


@pytest.mark.slow
def test_a_model_that_a_killed_process_was_logging_is_closed(ended_process):
    dead = process_tags() | {PROCESS: ended_process}
    half, whole = pending(dead), pending(dead)
    mine, elsewhere = pending(process_tags()), pending(dead | {HOST: "elsewhere"})
    client = mlflow.MlflowClient()
    client.finalize_logged_model(whole, "READY")
    runs.connect(None, "crack-detection")
    found = {
        one: str(client.get_logged_model(one).status) for one in (half, whole, mine, elsewhere)
    }
    assert found == {half: "FAILED", whole: "READY", mine: "PENDING", elsewhere: "PENDING"}
    # They are not looked at again.
    assert not client.get_logged_model(half).tags
    assert not client.get_logged_model(whole).tags
