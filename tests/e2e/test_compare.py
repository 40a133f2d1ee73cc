"""`python -m src.compare` on real tracked runs, as a command."""

import os
import subprocess
import sys

import mlflow
import pandas as pd
import pytest

from src.tracking import runs
from tests.conftest import ROOT
from tests.statistics.samples import table_of


@pytest.fixture(scope="module")
def tracked(tmp_path_factory) -> tuple[str, dict[str, str]]:
    """A database with runs that predicted, two of them on other images, and one that did not."""
    folder = tmp_path_factory.mktemp("tracked")
    uri = f"sqlite:///{folder}/mlflow.db"
    before = mlflow.get_tracking_uri()
    runs.connect(uri, "compared")
    labels = [0, 1] * 20
    tables = {
        "good": table_of(labels, [0.1, 0.9] * 20),
        "bad": table_of(labels, [0.1, 0.2] * 20),
        "other": table_of(labels[:10], [0.1, 0.9] * 5),
        "redrawn": table_of(labels, [0.1, 0.9] * 20),
    }
    drawn = {"good": "a" * 64, "redrawn": "b" * 64}
    ids = {}
    for name, table in tables.items():
        tags = {"dataset.fingerprint": drawn[name]} if name in drawn else {}
        with runs.tracked_run(name, {}, system_metrics=False, tags=tags) as ids[name]:
            runs.log_predictions(table)
    with runs.tracked_run("without", {}, system_metrics=False) as ids["without"]:
        pass
    mlflow.set_tracking_uri(before)
    return uri, ids


def compare(tracked, *arguments: str) -> subprocess.CompletedProcess[str]:
    uri, ids = tracked
    named = [",".join(ids.get(name, name) for name in given.split(",")) for given in arguments]
    return subprocess.run(
        [sys.executable, "-m", "src.compare", *named, f"tracking.uri={uri}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"},
    )


def test_difference_and_disagreements_are_told(tracked, tmp_path):
    csv = tmp_path / "disagreements.csv"
    done = compare(tracked, "good", "bad", "--csv", str(csv))
    assert done.returncode == 0, done.stderr
    assert "0 errors of 40" in done.stdout
    assert "differ: 0 images only the first has wrong, 20 only the second" in done.stdout
    assert "they disagree on 20 images" in done.stdout
    written = pd.read_csv(csv)
    assert len(written) == 20
    assert set(written.label) == {1}


def test_start_of_an_id_is_enough(tracked):
    _, ids = tracked
    assert compare(tracked, ids["good"][:12], ids["bad"][:12]).returncode == 0


def test_images_of_the_same_names_are_not_taken_for_the_same(tracked):
    _, ids = tracked
    done = compare(tracked, "good", "bad", "redrawn")
    assert done.returncode == 1
    both = f"{ids['good']} and {ids['redrawn']}"
    assert f"error: runs {both} had different images (dataset.fingerprint)" in done.stderr


@pytest.mark.parametrize(
    ("runs_named", "says"),
    [
        (["good", "other"], "can't be compared: their test parts have 40 and 10 images"),
        (["good", "good"], "is named twice"),
        (["without,good", "without,bad"], "is named twice"),
        (["good", "without"], "has no predictions.csv"),
        (["good", "0123456789abcdef"], "no run at sqlite"),
        (["good"], "name at least two runs"),
        (["good", "bad", "tracking.nonsense=1"], "nonsense"),
    ],
)
def test_what_can_t_be_compared_is_said(tracked, runs_named, says):
    done = compare(tracked, *runs_named)
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr
