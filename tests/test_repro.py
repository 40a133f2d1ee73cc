"""`python -m src.repro` in a clone: any experiment in a folder of its own, and a clean tree."""

import json
import re

import mlflow
import pytest
import yaml

from tests.tracking.store import put_database
from tests.whole.project import STAGES, Project, small_weights, stages_run

pytestmark = pytest.mark.slow
TINY = (
    *("data.images=60", "data.image_size=96", "train.epochs=1", "features.views=1"),
    *("audit.overlaps=null", "features.engine=tensorflow", "evaluate.resamples=100"),
    "tracking.prediction_grid=4",
)


class Demo:
    """A clone, and the command that runs tiny settings of the demo in it."""

    def __init__(self, folder, python, weights) -> None:
        self.project = Project(folder, python)
        put_database(folder / "mlruns/mlflow.db")
        chosen = (f"model.imagenet.{key}={value}" for key, value in weights.items())
        self.command = ("src.repro", "experiment=demo", *TINY, *chosen)


@pytest.fixture(scope="module")
def demo(tmp_path_factory, warm_python) -> Demo:
    weights = small_weights(tmp_path_factory.mktemp("weights"))
    return Demo(tmp_path_factory.mktemp("clone"), warm_python, weights)


@pytest.fixture(scope="module")
def output(demo) -> str:
    return demo.project.run(*demo.command)


def test_every_stage_runs_in_the_experiments_own_folder(demo, output):
    assert stages_run(output) == set(STAGES) - {"compose"}
    made = {path.name for path in (demo.project.folder / "outputs/demo").iterdir()}
    assert made >= {"params.yaml", "code.yaml", "dvc.lock", "split.csv", "model.keras", "reports"}
    assert not (demo.project.folder / "outputs/pipeline").exists()
    assert not (demo.project.folder / "reports").exists()


def test_the_result_is_shown(demo, output):
    reports = demo.project.folder / "outputs/demo/reports"
    metrics = json.loads((reports / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["test"]["images"] == 12
    assert f"{metrics['test']['accuracy']:.6f}" in output
    assert re.search(r"^folder +outputs/demo ", output, re.M)
    # What DVC says of its own files is left out, and the table is shown once.
    assert "lock file" not in output
    assert output.count("95 % interval   errors") == 1


def test_git_sees_no_change_and_the_run_says_so(demo, output):
    assert demo.project.git("status", "--porcelain") == ""
    client = mlflow.MlflowClient(f"sqlite:///{demo.project.folder}/mlruns/mlflow.db")
    run_id = json.loads((demo.project.folder / "outputs/demo/run.json").read_text())["run_id"]
    run = client.get_run(run_id)
    assert run.data.tags["git.dirty"] == "False"
    assert run.data.params["data.name"] == "synthetic-60-96px-seed0"


def test_the_same_again_runs_no_stage(demo, output):
    lock = demo.project.folder / "outputs/demo/dvc.lock"
    before = lock.read_bytes()
    again = demo.project.run(*demo.command)
    assert stages_run(again) == set()
    assert lock.read_bytes() == before
    assert again.splitlines()[-1] == output.splitlines()[-1]


def test_another_setting_runs_what_depends_on_it(demo, output):
    ran = stages_run(demo.project.run(*demo.command, "evaluate.suspect=0.1"))
    assert ran == {"evaluate"}
    # The model's decision depends on the costs.
    ran = stages_run(demo.project.run(*demo.command, "evaluate.missed_crack=20"))
    assert ran == {"train", "evaluate"}
    params = demo.project.folder / "outputs/demo/params.yaml"
    assert yaml.safe_load(params.read_text())["evaluate"]["missed_crack"] == 20


@pytest.mark.parametrize("name", ["workspace", "reports"])
def test_a_folder_of_ones_own_is_refused(demo, name):
    with pytest.raises(AssertionError, match=f"error: {name}: src.repro has a folder for each"):
        demo.project.run("src.repro", "experiment=demo", f"{name}=mine")


def test_unknown_experiment_is_named_and_nothing_written(demo):
    with pytest.raises(AssertionError, match=r"error: experiment=nothing: there is no such choice"):
        demo.project.run("src.repro", "experiment=nothing")
    assert not (demo.project.folder / "outputs/nothing").exists()
