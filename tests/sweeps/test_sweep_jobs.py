"""A sweep's parent run: the same again, its jobs' names, and the latest."""

import os

import mlflow
import pytest

from src.errors import InputError
from src.sweeps.sweep_jobs import job_of, reuse_finished
from src.sweeps.sweep_parent import latest_sweep, open_sweep
from src.sweeps.sweep_report import report_sweep
from src.tracking import runs
from tests.sweeps.samples import (
    fail_child,
    log_child,
    opened,
    predictions,
    reopened,
    settings,
)

pytestmark = pytest.mark.usefixtures("store")


@pytest.mark.slow
def test_same_sweep_goes_on_in_the_same_parent():
    first = opened("again", "model.frozen_layers", "model.dropout")
    wider = (settings(), settings(143, 0.3), settings(125, 0.5))
    reopened(first, "again", "model.frozen_layers", "model.dropout", jobs=wider)
    assert mlflow.get_run(first).info.status == "RUNNING"
    assert mlflow.get_run(first).data.params["train.epochs"] == "10"
    assert "model.dropout" not in mlflow.get_run(first).data.params


def test_a_sweep_of_a_group_goes_on_with_more_of_its_files():
    def augmented(**augment: float | str) -> dict:
        return settings() | {"augment": augment}

    jobs = (augmented(flip="none", rotation=0), augmented(flip="both", rotation=0))
    first = opened("groups", "augment", jobs=jobs)
    # The new file varies one more setting of the group.
    reopened(first, "groups", "augment", jobs=(*jobs, augmented(flip="both", rotation=0.2)))
    mlflow.MlflowClient().set_terminated(first)
    given = ["augment=…", "augment.test_flips=true"]
    assert open_sweep("groups", ["augment"], given, jobs) != first


def test_sweep_that_goes_on_tells_no_more_of_its_death():
    first = opened("revived", "model.dropout")
    mlflow.MlflowClient().set_tag(first, "error", "its process ended without closing the run")
    reopened(first, "revived", "model.dropout")
    assert "error" not in mlflow.get_run(first).data.tags


def test_sweep_of_a_living_process_is_not_taken_over():
    first = opened("busy", "model.dropout")
    before = mlflow.get_run(first).data.tags
    with pytest.raises(InputError, match=f"running, as process {os.getpid()} on this machine"):
        opened("busy", "model.dropout")
    assert mlflow.get_run(first).data.tags == before
    # Of another machine's processes nothing is known, so a sweep that died there can go on here.
    mlflow.MlflowClient().set_tag(first, "process.host", "elsewhere")
    assert opened("busy", "model.dropout") == first


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
    assert drawn.name == "lr=3.13e-4"
    assert drawn.values == {keys[2]: "0.00031287612"}
    dated = job_of(opened("dated", "seed"), ["seed=20240101"], settings())
    assert (dated.name, dated.values) == ("seed=20240101", {"seed": "20240101"})


def test_job_is_found_finished_only_in_its_own_sweep_and_settings():
    parent, other = opened("skip", "model.dropout"), opened("other", "model.dropout")
    done = log_child(parent, predictions([]), "model.dropout=0.3", dropout=0.3)
    fail_child(parent, "model.dropout=0.5", dropout=0.5)

    def found(parent: str, dropout: float):
        override = f"model.dropout={dropout}"
        return reuse_finished(parent, job_of(parent, [override], settings(dropout=dropout)))

    assert found(parent, 0.3).info.run_id == done
    assert found(parent, 0.5) is None
    assert found(parent, 0.1) is None
    assert found(other, 0.3) is None


@pytest.mark.slow
def test_latest_sweep_is_the_last_with_a_result():
    parent = opened("with a result", "model.dropout")
    log_child(parent, predictions([1]), "model.dropout=0.3", dropout=0.3)
    report_sweep(parent)
    opened("without", "model.dropout")
    assert latest_sweep().info.run_id == parent
    other = opened("another with a result", "model.dropout")
    log_child(other, predictions([1]), "model.dropout=0.3", dropout=0.3)
    report_sweep(other)
    assert latest_sweep().info.run_id == other
    reopened(parent, "with a result", "model.dropout")
    assert latest_sweep().info.run_id == parent
    runs.connect(None, "never swept")
    try:
        assert latest_sweep() is None
    finally:
        runs.connect(None, "crack-detection")
