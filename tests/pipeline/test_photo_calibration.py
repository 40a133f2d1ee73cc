"""From photographs to a decision with a rule, which a run keeps."""

import mlflow
import numpy as np
import pytest

from src.data.sources.colour_pictures import UnusableImage
from src.data.sources.masked_photos import MaskedPhoto, drawn_photos
from src.model.decision import Decision, undecided
from src.photos.scoring import build_scorer
from src.pipeline import photo_calibration
from src.pipeline.photo_calibration import decide_on_photographs, examine
from tests.samples import light_classifier
from tests.tracking.store import put_database

pytestmark = pytest.mark.slow
FEW = ("drawn=24", "height=256", "width=300", "folds=2", "candidate=0.01")


@pytest.fixture(scope="module")
def config(composed):
    few = [f"decision.photographs.{setting}" for setting in FEW]
    return composed("decision=photographs", *few)


@pytest.fixture(scope="module")
def classifier():
    return light_classifier(seed=5)


@pytest.fixture(scope="module")
def decision():
    return undecided("a" * 64, "openvino", "f32")


@pytest.fixture(scope="module")
def run(config, classifier, decision, tmp_path_factory):
    """The decision with a rule, and the run that it was logged in."""
    folder = tmp_path_factory.mktemp("run")
    put_database(folder / "mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.create_experiment("rules", artifact_location=f"file://{folder}/artifacts")
    mlflow.set_experiment("rules")
    with mlflow.start_run() as run:
        decided = decide_on_photographs(config, classifier, decision)
    return decided, run.info.run_id


def test_the_run_has_the_decision_the_metrics_and_the_tables(run, decision):
    decided, run_id = run
    assert decided.photographs is not None
    assert decided.photographs.photographs == 24
    assert decided.model_copy(update={"photographs": None}) == decision
    logged = mlflow.artifacts.load_dict(f"runs:/{run_id}/decision.json")
    assert Decision.model_validate(logged) == decided
    metrics = mlflow.get_run(run_id).data.metrics
    assert metrics["photographs.photographs"] == 24
    assert 0 <= metrics["photographs.regions_over_cracks"] <= 1
    table = mlflow.artifacts.load_text(f"runs:/{run_id}/photographs.csv")
    assert len(table.strip().split("\n")) == 25


def test_without_photographs_the_decision_stays_as_it_is(composed, classifier, decision):
    assert decide_on_photographs(composed(), classifier, decision) is decision


def test_the_examples_do_not_depend_on_the_order_of_the_work(config, classifier, decision):
    settings = config.decision.photographs
    scorer = build_scorer(classifier, decision, settings.blocks)
    photos = drawn_photos(4, 256, 300, settings.seed)
    once = examine(photos, scorer, settings)
    again = examine(photos[::-1], scorer, settings)[::-1]
    for one, other in zip(once, again, strict=True):
        assert one.name == other.name
        assert one.cracked == other.cracked
        assert one.seen.tiles == pytest.approx(other.seen.tiles)
        for name, values in one.seen.features.items():
            assert np.allclose(values, other.seen.features[name])


def test_photographs_that_cannot_be_used_are_left_out(config, classifier, decision, heard):
    messages = heard(photo_calibration)
    settings = config.decision.photographs
    scorer = build_scorer(classifier, decision, settings.blocks)

    def fail():
        raise UnusableImage("b.jpg cannot be read: damaged or cut short")

    photos = [*drawn_photos(1, 256, 300, 0), MaskedPhoto("b.jpg", "b", "own", fail)]
    assert [one.name for one in examine(photos, scorer, settings)] == ["drawn-0000"]
    assert messages == ["b.jpg is left out: b.jpg cannot be read: damaged or cut short"]
