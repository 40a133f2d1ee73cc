"""The registered model gives test images the probabilities and verdicts of its run's table."""

import base64
import json
import sys
from itertools import compress
from pathlib import Path

import httpx
import mlflow
import pandas as pd
import pytest

from src.bank.openvino_engine import fastest_precision
from src.config.loader import compose_as
from src.config.tool_schema import Promote
from src.model.weights import weights_sha256
from src.pipeline.tracked_run import train_and_track
from src.registry.champion import promote
from tests.samples import small_backbone
from tests.tracking.store import put_database
from tests.whole.servers import environment_of_commands, free_port, mlflow_server

pytestmark = pytest.mark.slow
TINY = (
    *("data.images=40", "data.image_size=96", "train.epochs=2", "features.views=2"),
    *("evaluate.resamples=100", "tracking.prediction_grid=4"),
    "audit.overlaps=null",
)
NAME = "crack-classifier"
# Between two probabilities: the class map sums in another order, and random weights multiply that.
# A number in bf16 has 8 bits.
CLOSE = {"f32": 1e-3, "bf16": 2e-2}


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """A tracking server in a folder that is the working directory for all tests."""
    folder, before = tmp_path_factory.mktemp("served"), mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        put_database(folder / "mlflow.db")
        # Loading a registered model puts its own copy of src first.
        patch.setattr(sys, "path", [*sys.path])
        yield f"sqlite:///{folder}/mlflow.db"
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def promoted(uri, composed):
    """Function that trains and promotes; the version, and the test images with verdicts."""
    backbone = small_backbone()
    weights = Path("small.weights.h5").resolve()
    backbone.save_weights(weights)
    own = f"model.imagenet.path={weights}", f"model.imagenet.sha256={weights_sha256(backbone)}"

    def train(name: str, *overrides: str):
        config = composed(*TINY, *own, f"tracking.uri={uri}", *overrides)
        return _promoted(config, name, uri)

    return train


@pytest.fixture(scope="module")
def champion(promoted):
    """A model that averages over the flips of an image, as evaluation and serving both must."""
    return promoted(NAME, "augment=flips", "features.engine=tensorflow")


def _promoted(config, name: str, uri: str):
    run_id = train_and_track(config).run_id
    settings = [f"name={name}", "min_accuracy=0", f"tracking.uri={uri}"]
    promotion = promote(compose_as(Promote, "promote/config", settings), run_id)
    assert promotion.outcome == "promoted", promotion.why
    table = pd.read_csv(
        mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="predictions.csv")
    )
    test = table[table.part == "test"]
    images = [(Path(config.data.dir) / path).read_bytes() for path in test.path]
    version = mlflow.MlflowClient().get_model_version(name, promotion.version.version)
    return version, test, images


@pytest.fixture(scope="module")
def without_flips(promoted):
    """A model whose predictions are OpenVINO's, in the precision that this processor is fast in."""
    precision = f"decision.precision={fastest_precision()}"
    return promoted("without-flips", "augment=flip_rotate", precision)


both = pytest.mark.parametrize("name", ["champion", "without_flips"])


@both
def test_by_pyfunc(name, request):
    version, test, images = request.getfixturevalue(name)
    model = mlflow.pyfunc.load_model(f"models:/{version.name}@champion")
    answers = model.predict([base64.b64encode(image).decode() for image in images])
    assert_as_in_the_table(answers, test, CLOSE[precision_of(version)])


@both
def test_over_http(name, request, uri, tmp_path):
    version, test, images = request.getfixturevalue(name)
    port = free_port()
    command = ["mlflow", "models", "serve", "-m", f"models:/{version.name}@champion"]
    command += ["--env-manager", "local", "--port", str(port)]
    environment = environment_of_commands() | {"MLFLOW_TRACKING_URI": uri}
    content = json.dumps({"inputs": [base64.b64encode(image).decode() for image in images]})
    with mlflow_server(command, port, tmp_path, environment) as address:
        headers = {"content-type": "application/json"}
        with httpx.Client(trust_env=False, timeout=120) as client:
            answer = client.post(f"{address}/invocations", content=content, headers=headers)
    answers = answer.json()["predictions"]
    assert_as_in_the_table(answers, test, CLOSE[precision_of(version)])


@pytest.mark.parametrize(
    ("name", "flips", "engine", "precision"),
    [
        ("champion", True, "tensorflow", "f32"),
        ("without_flips", False, "openvino", fastest_precision()),
    ],
)
def test_the_decision_says_so(name, flips, engine, precision, request):
    version, *_ = request.getfixturevalue(name)
    decision = decision_of(version)
    assert (decision["flips"], decision["engine"]) == (flips, engine)
    assert decision["precision"] == precision


def test_the_promotion_has_asked_the_packaged_model(champion):
    version, test, _ = champion
    assert int(version.tags["served.images"]) == len(test)
    assert int(version.tags["served.disagreements"]) == 0
    assert float(version.tags["served.largest_difference"]) < CLOSE["f32"]
    # Its page says how to load what is served, and not the model that the run logged.
    assert f'load_model("models:/{NAME}/{version.version}")' in version.description


def decision_of(version) -> dict:
    return mlflow.artifacts.load_dict(f"runs:/{version.run_id}/decision.json")


def precision_of(version) -> str:
    return decision_of(version)["precision"]


def assert_as_in_the_table(answers: list[dict], test: pd.DataFrame, close: float) -> None:
    assert len(answers) == len(test) > 0
    for answer, image in zip(answers, test.itertuples(), strict=True):
        assert answer["probability"] == pytest.approx(image.calibrated, abs=close)
    # At the threshold itself, either verdict is within the error.
    clear = [abs(probability - 0.5) > close for probability in test.calibrated]
    labels = [("Negative", "Positive")[verdict] for verdict in test.verdict]
    assert [answer["label"] for answer in compress(answers, clear)] == [*compress(labels, clear)]
    assert any(clear)
    # A model that says the same of every image would pass as well.
    assert test.calibrated.nunique() > len(test) / 2
