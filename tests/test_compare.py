"""`python -m src.compare` on real tracked runs."""

from collections.abc import Callable

import mlflow
import pandas as pd
import pytest

from src.compare import main
from src.tracking import runs
from tests.statistics.samples import table_of
from tests.tracking.store import put_database


@pytest.fixture(scope="module")
def tracked(tmp_path_factory) -> tuple[str, dict[str, str]]:
    """A database of runs. Two were tested on other images, and one has no predictions."""
    folder = tmp_path_factory.mktemp("tracked")
    uri = f"sqlite:///{folder}/mlflow.db"
    before = mlflow.get_tracking_uri()
    put_database(folder / "mlflow.db")
    runs.connect(uri, "compared")
    labels = [0, 1] * 20
    tables = {
        "good": table_of(labels, [0.1, 0.9] * 20),
        "bad": table_of(labels, [0.1, 0.2] * 20),
        "other": table_of(labels[:10], [0.1, 0.9] * 5),
        "redrawn": table_of(labels, [0.1, 0.9] * 20),
    }
    # The run of a cross-validation of two folds, and two folds with more images for training.
    tables |= {"whole": tables["good"], "one": tables["bad"][:20], "two": tables["bad"][20:]}
    drawn = {"good": "a", "redrawn": "b", "whole": "c", "one": "d", "two": "d"}
    tested = {"whole": "1 2", "one": "1", "two": "2"}
    ids = {}
    for name, table in tables.items():
        tags = {"dataset.fingerprint": drawn[name]} if name in drawn else {}
        tags |= {"dataset.tested": tested[name]} if name in tested else {}
        with runs.tracked_run(name, {}, system_metrics=False, tags=tags) as ids[name]:
            runs.log_predictions(table)
    with runs.tracked_run("without", {}, system_metrics=False) as ids["without"]:
        pass
    mlflow.set_tracking_uri(before)
    return uri, ids


Compare = Callable[..., str]


@pytest.fixture
def compare(tracked, monkeypatch, capsys) -> Compare:
    """Function that compares runs by name and returns the output, or the errors if it fails."""
    uri, ids = tracked
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = mlflow.get_tracking_uri()

    def run(*arguments: str, fails: bool = False) -> str:
        named = [",".join(ids.get(name, name) for name in given.split(",")) for given in arguments]
        if not fails:
            main([*named, f"tracking.uri={uri}"])
            return capsys.readouterr().out
        with pytest.raises(SystemExit) as ended:
            main([*named, f"tracking.uri={uri}"])
        # Python prints a message as status, and ends with 1.
        return capsys.readouterr().err if ended.value.code == 2 else str(ended.value.code)

    yield run
    mlflow.set_tracking_uri(before)


@pytest.mark.slow
def test_difference_and_disagreements_are_told(compare, tmp_path):
    csv = tmp_path / "disagreements.csv"
    told = compare("good", "bad", "--csv", str(csv))
    assert "0 errors of 40" in told
    assert "differ: 0 images only the first has wrong, 20 only the second" in told
    assert "the runs disagree on 20 images" in told
    written = pd.read_csv(csv)
    assert len(written) == 20
    assert set(written.label) == {1}


def test_start_of_an_id_is_enough(compare, tracked):
    _, ids = tracked
    assert "0 errors of 40" in compare(ids["good"][:12], ids["bad"][:12])


def test_images_of_the_same_names_are_not_taken_for_the_same(compare, tracked):
    _, ids = tracked
    both = f"{ids['good']} and {ids['redrawn']}"
    told = compare("good", "bad", "redrawn", fails=True)
    assert f"error: runs {both} had different images (dataset.fingerprint)" in told


def test_a_cross_validation_is_compared_with_folds_of_the_same_test_images(compare):
    assert "20 errors of 40" in compare("whole", "one,two")


@pytest.mark.slow
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
        (["good", "bad", "decision.threshold=0.9"], "decision.threshold=0.9: a comparison takes"),
    ],
)
def test_what_can_t_be_compared_is_said(compare, runs_named, says):
    assert says in compare(*runs_named, fails=True)


def test_a_run_without_a_model_is_not_named_for_promotion(compare):
    # Such are the parents of two cross-validations.
    told = compare("good", "bad")
    assert "0 errors of 40" in told
    assert "src.promote" not in told
