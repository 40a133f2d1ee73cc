"""dvc.yaml in a clone: what runs, what runs again, and what does not."""

import json
import subprocess

import pytest
import yaml

from src.model.weights import weights_sha256
from tests.samples import small_backbone
from tests.whole.project import ROOT, STAGES, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    project = Project(tmp_path_factory.mktemp("clone"))
    backbone = small_backbone()
    backbone.save_weights(project.folder / "outside.weights.h5")
    project.run(
        "src.compose",
        *("~local", "data.images=40", "data.image_size=96", "features.views=2"),
        *("train.epochs=1", "tracking.system_metrics=false"),
        "model.imagenet.path=outside.weights.h5",
        f"model.imagenet.sha256={weights_sha256(backbone)}",
    )
    assert project.repro() == set(STAGES)
    return project


def test_second_repro_does_nothing(project):
    assert project.repro() == set()
    # data.dvc pins METU, which a project on drawn patches does not have.
    status = json.loads(project.run("dvc", "status", "--json"))
    assert set(status) <= {"data.dvc"}


def test_stages_read_what_was_chosen(project):
    receipt = json.loads((project.folder / "outputs/pipeline/receipt.json").read_text())
    assert receipt["counts"] == {"Negative": 20, "Positive": 20}


def test_metrics_and_plots_are_what_dvc_understands(project):
    shown = json.loads(project.run("dvc", "metrics", "show", "--json"))
    metrics = shown[""]["data"]["reports/metrics.json"]["data"]
    assert set(metrics) == {"validation", "test", "calibration", "operating"}
    assert metrics["test"]["images"] == 8
    assert metrics["test"]["accuracy_low"] <= metrics["test"]["accuracy"]
    project.run("dvc", "plots", "show", "-o", "plots")
    page = (project.folder / "plots/index.html").read_text()
    for name in ("confusion", "roc", "precision_recall", "reliability", "history"):
        assert f"{name}.csv" in page


def test_learning_rate_reruns_training_and_not_the_split(project):
    project.edit("conf/train/published.yaml", "learning_rate: 1e-4", "learning_rate: 2e-4")
    ran = project.repro()
    assert {"compose", "train"} <= ran
    assert not ran & {"fetch", "audit", "split", "embed"}


def test_split_seed_reruns_the_split_and_not_the_fetch(project):
    project.edit("conf/split/grouped.yaml", "seed: ${seed}", "seed: 9")
    ran = project.repro()
    assert {"compose", "split", "embed", "train", "evaluate"} <= ran
    assert not ran & {"fetch", "audit"}


def test_comments_rerun_nothing_costly(project):
    project.edit("conf/train/published.yaml", "# The published recipe", "# Recipe, as published")
    with (project.folder / "src/model/fitting.py").open("a") as module:
        module.write("\n# A remark.\n")
    assert project.repro() == {"compose"}


def test_code_reruns_what_depends_on_it(project):
    project.edit("src/statistics/curves.py", "np.append(threshold, 1)", "np.append(threshold, 1.0)")
    assert project.repro() == {"compose", "evaluate"}


def test_bad_choice_is_refused_and_the_last_one_stays(project):
    before = (project.folder / "conf/local/pipeline.yaml").read_text()
    with pytest.raises(AssertionError, match=r"model\.dropout: should be less than 1"):
        project.run("src.compose", "model.dropout=1")
    assert (project.folder / "conf/local/pipeline.yaml").read_text() == before


def test_data_is_pinned_by_content_and_not_committed(project):
    pinned = yaml.safe_load((ROOT / "data.dvc").read_text())["outs"][0]
    assert pinned["nfiles"] == 40000
    assert pinned["path"] == "data"
    ignored = subprocess.run(["git", "check-ignore", "data"], cwd=ROOT, capture_output=True)
    assert ignored.returncode == 0
