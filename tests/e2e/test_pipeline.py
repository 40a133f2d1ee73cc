"""dvc.yaml in a clone: what runs, what runs again, and what does not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from src.config import CONF
from src.model.weights import weights_sha256
from tests.samples import small_backbone

ROOT = CONF.parent
STAGES = ("compose", "fetch", "audit", "split", "embed", "train", "evaluate")


class Project:
    """A copy of this project's tracked files, without its history, as a DVC repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        (folder / "dvc.lock").unlink(missing_ok=True)
        for command in (["init", "-q"], ["add", "-A"]):
            subprocess.run(["git", *command], cwd=folder, check=True)

    def run(self, *command: str) -> str:
        """Run a module of the environment in the project; its output."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        environment["DVC_NO_ANALYTICS"] = "1"
        ended = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def repro(self) -> set[str]:
        """`dvc repro`; the stages it ran."""
        output = self.run("dvc", "repro")
        return {stage for stage in STAGES if f"Running stage '{stage}'" in output}

    def edit(self, name: str, before: str, after: str) -> None:
        path = self.folder / name
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))


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
    assert set(metrics) == {"validation", "test"}
    assert metrics["test"]["images"] == 8
    assert metrics["test"]["accuracy_low"] <= metrics["test"]["accuracy"]
    project.run("dvc", "plots", "show", "-o", "plots")
    page = (project.folder / "plots/index.html").read_text()
    for name in ("confusion", "roc", "precision_recall", "history"):
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
    with (project.folder / "src/model/training.py").open("a") as module:
        module.write("\n# A remark.\n")
    assert project.repro() == {"compose"}


def test_code_reruns_what_depends_on_it(project):
    project.edit("src/report/plots.py", "np.append(threshold, 1)", "np.append(threshold, 1.0)")
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
