"""A file of a run that has changed since it was logged is named, and never believed."""

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from src.errors import InputError
from src.statistics.metrics import prediction_table
from src.tracking import runs
from src.tracking.logged_files import CHECKSUM, log_file, logged_file
from src.tracking.run_reading import config_of, predictions_of

pytestmark = pytest.mark.usefixtures("store")


def test_predictions_and_settings_of_a_run_are_checked():
    manifest = pd.DataFrame(
        {"path": list("abcdef"), "label": 1, "part": "test", "group": range(6), "source": "x"}
    )
    table = prediction_table(manifest, np.full((6, 2), 0.5))
    with runs.tracked_run("run", {"seed": 1}, system_metrics=False) as run_id:
        runs.log_predictions(table)
    run = mlflow.get_run(run_id)
    assert len(predictions_of(run)) == 6
    assert config_of(run_id) == {"seed": 1}
    for name, read in (
        ("predictions.csv", lambda: predictions_of(run)),
        ("config.yaml", lambda: config_of(run_id)),
    ):
        file = Path("mlruns/artifacts", run_id, "artifacts", name)
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(lines[:-1]))
        with pytest.raises(InputError, match=rf"{run_id}: {name} has changed since it was logged"):
            read()


def text_of(run_id: str, name: str) -> str:
    with logged_file(mlflow.get_run(run_id), name) as path:
        return path.read_text()


def test_no_copy_of_a_file_is_left_behind(tmp_path, monkeypatch):
    with runs.tracked_run("run", {}, system_metrics=False) as run_id:
        log_file("text", "a.txt")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert text_of(run_id, "a.txt") == "text"
    with pytest.raises(InputError, match=r"has no b\.txt"):
        text_of(run_id, "b.txt")
    assert not list((tmp_path / "temporary").iterdir())


def test_a_file_is_whole_before_and_after_it_is_replaced():
    with runs.tracked_run("run", {}, system_metrics=False) as run_id:
        log_file("first", "a.txt")
        log_file("second", "a.txt")
        # A process that is killed now has set the tag and not replaced the file.
        former = mlflow.get_run(run_id).data.tags[CHECKSUM + "a.txt"].split()[0]
        mlflow.set_tag(CHECKSUM + "a.txt", f"{'0' * 64} {former}")
    assert text_of(run_id, "a.txt") == "second"
    # Files of older versions have no checksum.
    mlflow.MlflowClient().delete_tag(run_id, CHECKSUM + "a.txt")
    assert text_of(run_id, "a.txt") == "second"


def test_a_missing_file_is_named():
    with runs.tracked_run("run", {}, system_metrics=False) as run_id:
        pass
    with pytest.raises(InputError, match=rf"run {run_id} \(run, FINISHED\) has no b\.txt"):
        text_of(run_id, "b.txt")
