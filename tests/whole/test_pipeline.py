"""dvc.yaml in a clone: what runs, what runs again, and what DVC tells of it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
import yaml

from tests.tracking.store import put_database
from tests.whole.project import ROOT, STAGES, Project, small_weights

TINY = """\
data: {{images: 60, image_size: 96}}
audit: {{overlaps: null}}
features: {{views: 1, engine: tensorflow}}
model: {{imagenet: {weights}}}
train: {{epochs: 1}}
evaluate: {{resamples: 100}}
tracking: {{prediction_grid: 4}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, warm_python: Path) -> Project:
    """A clone after `dvc repro` of tiny drawn images, all committed."""
    project = Project(tmp_path_factory.mktemp("clone"), warm_python)
    put_database(project.folder / "mlruns/mlflow.db")
    weights = small_weights(tmp_path_factory.mktemp("weights"))
    project.choose(TINY.format(weights=json.dumps(weights)))
    assert project.repro() == set(STAGES)
    project.commit()
    return project


@pytest.fixture
def edited(project) -> Iterator[Project]:
    """The clone. Its tracked files are restored after the test."""
    yield project
    project.git("checkout", "-q", ".")


def read(project: Project, name: str) -> str:
    return (project.folder / name).read_text(encoding="utf-8")


def changed_stages(project: Project) -> set[str]:
    """The stages that `dvc repro` would run next."""
    # data.dvc pins METU, which a project on drawn patches does not have.
    return set(json.loads(project.run("dvc", "status", "--json"))) - {"data.dvc"}


@pytest.mark.slow
def test_second_repro_does_nothing(project):
    assert project.repro() == set()
    assert changed_stages(project) == set()
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_stages_read_what_was_chosen(project):
    receipt = json.loads(read(project, "outputs/pipeline/receipt.json"))
    assert receipt["counts"] == {"Negative": 30, "Positive": 30}


@pytest.mark.slow
def test_metrics_and_plots_are_what_dvc_understands(project):
    shown = json.loads(project.run("dvc", "metrics", "show", "--json"))
    metrics = shown[""]["data"]["reports/summary.json"]["data"]
    # Few columns, as a person compares them.
    assert set(metrics) == {"validation", "test"}
    assert metrics["test"]["images"] == 12
    assert metrics["test"]["accuracy_low"] <= metrics["test"]["accuracy"]
    project.run("dvc", "plots", "show", "-o", "outputs/plots")
    page = read(project, "outputs/plots/index.html")
    for name in ("confusion", "roc", "precision_recall", "reliability", "history"):
        assert f"{name}.csv" in page


@pytest.mark.slow
def test_a_machines_own_settings_are_used_and_not_kept(project):
    own = project.folder / "conf/local/default.yaml"
    own.write_text("# @package _global_\nfeatures: {batch_size: 7}\n")
    before = [read(project, name) for name in ("params.yaml", "dvc.lock")]
    try:
        assert project.repro() == set()
        project.run("src.compose")
        assert [read(project, name) for name in ("params.yaml", "dvc.lock")] == before
        assert changed_stages(project) == set()
        stage = yaml.safe_load(read(project, "dvc.yaml"))["vars"][0]["with"].split()
        composed = yaml.safe_load(project.run("src.embed", *stage, "--cfg", "job"))
        assert composed["features"]["batch_size"] == 7
        assert composed["data"]["images"] == 60
    finally:
        own.unlink()


@pytest.mark.slow
def test_comments_and_docstrings_rerun_nothing_costly(edited):
    edited.edit("conf/train/published.yaml", "# The published recipe", "# Recipe, as published")
    edited.edit("src/evaluate.py", '"""Evaluate the', '"""Assess the')
    edited.edit("src/data/dataset.py", "The dataset: images", "A dataset: images")
    with (edited.folder / "src/model/fitting.py").open("a") as module:
        module.write("\n# A remark.\n")
    assert edited.repro() == {"compose"}


@pytest.mark.slow
def test_statement_reruns_each_stage_that_imports_it(edited):
    importing = {
        "data/dataset": {"fetch", "audit", "split", "embed", "train", "evaluate"},
        "statistics/curves": {"evaluate"},
    }
    for name, runs_it in importing.items():
        with (edited.folder / f"src/{name}.py").open("a") as module:
            module.write("\nSTATEMENT = 1\n")
        assert edited.repro("compose") == {"compose"}
        assert changed_stages(edited) == runs_it, name
        edited.git("checkout", "-q", f"src/{name}.py")


@pytest.mark.slow
def test_statement_in_an_entry_point_reruns_its_stage(edited):
    edited.edit("src/evaluate.py", "wanted = config.evaluate,", "wanted = *(config.evaluate,),")
    assert edited.repro() == {"compose", "evaluate"}


@pytest.mark.slow
def test_split_seed_reruns_the_split_and_what_follows(edited):
    edited.edit("conf/split/grouped.yaml", "seed: ${seed}", "seed: 9")
    assert edited.repro("split") == {"compose", "split"}
    assert changed_stages(edited) == {"embed", "train"}


@pytest.fixture(scope="module")
def experiment(project) -> Iterator[set[str]]:
    """The stages that `dvc exp run` runs for another dropout."""
    project.git("checkout", "-q", ".")
    project.repro()
    assert project.git("status", "--porcelain") == ""
    yield project.stages_of("exp", "run", "--name", "dropped", "-S", "model.dropout=0.3")
    project.git("checkout", "-q", ".")


@pytest.mark.slow
def test_experiment_of_dvc_trains_with_its_setting(project, experiment):
    assert experiment == {"compose", "train", "evaluate"}
    run_id = json.loads(read(project, "outputs/pipeline/run.json"))["run_id"]
    client = mlflow.MlflowClient(f"sqlite:///{project.folder}/mlruns/mlflow.db")
    assert client.get_run(run_id).data.params["model.dropout"] == "0.3"
    assert yaml.safe_load(read(project, "params.yaml"))["model"]["dropout"] == 0.3


@pytest.mark.slow
def test_dvc_compares_the_experiment_with_the_commit(project, experiment):
    params = json.loads(project.run("dvc", "params", "diff", "--json"))["params.yaml"]
    assert set(params) == {"model.dropout"}
    assert (params["model.dropout"]["old"], params["model.dropout"]["new"]) == (0.2, 0.3)
    metrics = json.loads(project.run("dvc", "metrics", "diff", "--all", "--json"))
    assert "test.loss" in metrics["reports/summary.json"]
    baseline, ran = shown_experiments(project)
    assert (baseline["dropout"], ran["dropout"]) == (0.2, 0.3)
    assert ran["name"] == "dropped"
    assert ran["metrics"] == json.loads(read(project, "reports/summary.json"))


def shown_experiments(project: Project) -> list[dict]:
    """What `dvc exp show` tells of the commit and of the experiment."""
    shown = json.loads(project.run("dvc", "exp", "show", "--json"))
    (commit,) = [one for one in shown if one["rev"] != "workspace"]
    ran = commit["experiments"][0]
    return [
        {
            "name": one["name"],
            "dropout": one["data"]["params"]["params.yaml"]["data"]["model"]["dropout"],
            "metrics": one["data"]["metrics"]["reports/summary.json"].get("data"),
        }
        for one in (commit, {**ran["revs"][0], "name": ran["name"]})
    ]


@pytest.mark.slow
def test_bad_setting_of_an_experiment_is_refused(project, experiment):
    with pytest.raises(AssertionError, match=r"model\.dropout: should be less than 1"):
        project.run("dvc", "exp", "run", "-S", "model.dropout=5")
    project.git("checkout", "-q", ".")


def test_data_is_pinned_by_content_and_not_committed():
    pinned = yaml.safe_load((ROOT / "data.dvc").read_text())["outs"][0]
    assert pinned["nfiles"] == 40000
    assert pinned["path"] == "data"
    ignored = subprocess.run(["git", "check-ignore", "data"], cwd=ROOT, capture_output=True)
    assert ignored.returncode == 0
