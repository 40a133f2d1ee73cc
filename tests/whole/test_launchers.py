"""The launchers of conf/launcher/ run, on one database; and Optuna's search."""

import subprocess
from pathlib import Path

import pytest
from mlflow.entities import Run

from tests.extras import installed, needs
from tests.sweeps.commands import Sweeps

PLUGINS = {
    "basic": "hydra",
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit": "hydra_plugins.hydra_submitit_launcher",
}
pytestmark = pytest.mark.slow
CHOSEN = {
    "basic": [],
    # What launcher=slurm does, without SLURM.
    "submitit": ["hydra/launcher=submitit_local", "hydra.launcher.submitit_folder=submitit/%j"],
}
# For so few images OpenVINO's conversion is not worth its seconds.
ENGINE = "features.engine=tensorflow"
Started = dict[str, subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory, warm_python: Path) -> Sweeps:
    return Sweeps(tmp_path_factory.mktemp("project"), warm_python)


def sweep_by(launcher: str) -> list[str]:
    chosen = CHOSEN.get(launcher, [f"+launcher={launcher}"])
    name = f"tracking.run_name={launcher}"
    return [*chosen, "model.dropout=0.1,0.3", "threads.tensorflow=1", ENGINE, name]


@pytest.fixture(scope="module")
def started(sweeps: Sweeps) -> Started:
    """Sweeps by the installed launchers, started at the same time before a database exists."""
    there = [launcher for launcher, plugin in PLUGINS.items() if installed(plugin)]
    return {name: sweeps.start(*sweep_by(name), log=f"{name}.log") for name in there}


def check_children(sweeps: Sweeps, launcher: str) -> None:
    output = (sweeps.folder / f"{launcher}.log").read_text()
    assert "2 of 2 jobs finished" in output, output
    (parent,) = sweeps.runs(f"attributes.run_name = '{launcher}'")
    assert parent.info.status == "FINISHED"
    children = sweeps.children(parent)
    assert {run.info.run_name for run in children} == {"dropout=0.1", "dropout=0.3"}
    assert {run.info.status for run in children} == {"FINISHED"}


@pytest.mark.parametrize("launcher", PLUGINS)
def test_sweeps_at_once_all_complete(sweeps: Sweeps, started: Started, launcher: str):
    needs(PLUGINS[launcher])
    assert started[launcher].wait() == 0, (sweeps.folder / f"{launcher}.log").read_text()
    check_children(sweeps, launcher)


@pytest.fixture(scope="module")
def ended(sweeps: Sweeps, started: Started) -> Sweeps:
    """The sweeps after the first ones have ended. Ray gives up if it cannot start within 30 s."""
    for sweep in started.values():
        sweep.wait()
    return sweeps


def test_ray_runs_the_jobs_as_children(ended: Sweeps):
    needs("hydra_plugins.hydra_ray_launcher")
    status, output = ended.run(*sweep_by("ray"), log="ray.log")
    assert status == 0, output
    check_children(ended, "ray")


def jobs(sweeps: Sweeps) -> list[Run]:
    return [run for run in sweeps.runs() if "bank.folder" in run.data.tags]


def test_all_jobs_share_one_bank_that_is_filled_once(ended: Sweeps):
    assert len({run.data.tags["bank.folder"] for run in jobs(ended)}) == 1
    added = sorted(int(run.data.tags["bank.added_features"]) for run in jobs(ended))
    assert added[-2:] == [0, 40]


def test_launchers_give_the_same_result(ended: Sweeps):
    needs(PLUGINS["joblib"])
    losses = [r.data.metrics["best.test.loss"] for r in jobs(ended) if "0.1" in r.info.run_name]
    assert len(losses) >= len([plugin for plugin in PLUGINS.values() if installed(plugin)])
    assert len(set(losses)) == 1


def test_search_proposes_the_same_again_and_goes_on(ended: Sweeps):
    needs("hydra_plugins.hydra_optuna_sweeper")
    search = ("+sweep=search", ENGINE, "model.frozen_layers=choice(150,143)")
    assert ended.run(*search, "hydra.sweeper.n_trials=1", log="search")[0] == 0
    status, output = ended.run(*search, "hydra.sweeper.n_trials=2", log="search")
    assert status == 0, output
    assert output.count("finished before") == 1
    (parent,) = ended.runs("attributes.run_name = 'search'")
    assert len(ended.children(parent)) == 2
