"""The launchers of conf/launcher/ run, all at once on one database; and Optuna's search."""

import subprocess

import pytest

from tests.e2e.sweeps import Sweeps
from tests.extras import installed, needs

LAUNCHERS = {
    "basic": "hydra",
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "ray": "hydra_plugins.hydra_ray_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
}


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory) -> Sweeps:
    return Sweeps(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def started(sweeps: Sweeps) -> dict[str, subprocess.Popen[bytes]]:
    """A sweep by each launcher that is there, begun at once where no database is yet."""
    return {
        name: sweeps.start(
            *(() if name == "basic" else (f"+launcher={name}",)),
            *("model.dropout=0.1,0.3", f"tracking.run_name={name}", "threads.tensorflow=1"),
            log=name,
        )
        for name, plugin in LAUNCHERS.items()
        if installed(plugin)
    }


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_launcher_runs_the_jobs_as_children(sweeps: Sweeps, started, launcher: str):
    needs(LAUNCHERS[launcher])
    status = started[launcher].wait()
    output = (sweeps.folder / launcher).read_text()
    assert status == 0, output
    assert "2 of 2 jobs finished" in output
    (parent,) = sweeps.runs(f"attributes.run_name = '{launcher}'")
    assert parent.info.status == "FINISHED"
    children = sweeps.children(parent)
    assert {run.info.run_name for run in children} == {"dropout=0.1", "dropout=0.3"}
    assert {run.info.status for run in children} == {"FINISHED"}


def test_all_jobs_share_one_bank_that_is_filled_once(sweeps: Sweeps, started):
    for sweep in started.values():
        sweep.wait()
    jobs = [run for run in sweeps.runs() if "bank.folder" in run.data.tags]
    assert len(jobs) == 2 * len(started)
    assert len({run.data.tags["bank.folder"] for run in jobs}) == 1
    added = sorted(run.data.metrics["bank.added_features"] for run in jobs)
    assert added == [0] * (len(jobs) - 1) + [40]


def test_launchers_give_the_same_result(sweeps: Sweeps, started):
    for sweep in started.values():
        sweep.wait()
    losses = {}
    for run in sweeps.runs("attributes.run_name = 'dropout=0.1'"):
        losses[run.info.run_id] = run.data.metrics["best.test.loss"]
    assert len(losses) == len(started)
    assert len(set(losses.values())) == 1


def test_search_proposes_the_same_again_and_goes_on(sweeps: Sweeps, started):
    needs("hydra_plugins.hydra_optuna_sweeper")
    search = ("+sweep=search", "model.frozen_layers=choice(150,143)")
    assert sweeps.run(*search, "hydra.sweeper.n_trials=1", log="search")[0] == 0
    status, output = sweeps.run(*search, "hydra.sweeper.n_trials=2", log="search")
    assert status == 0, output
    assert output.count("finished before") == 1
    (parent,) = sweeps.runs("attributes.run_name = 'search'")
    assert len(sweeps.children(parent)) == 2
