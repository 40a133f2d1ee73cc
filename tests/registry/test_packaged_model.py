"""The champion behind `mlflow models serve`, asked over HTTP as its users ask it."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import mlflow
import numpy as np
import pytest
from PIL import Image
from scipy.special import expit, logit

from src.config.loader import CONF, compose_as
from src.config.tool_schema import Predict
from src.data.drawn.photograph import draw_photograph
from src.photos.inspection import inspect
from src.registry.champion import promote
from src.tracking.logged_models import load_classifier, training_split
from tests.registry import samples as registry
from tests.whole.servers import environment_of_commands, free_port, mlflow_server

CHAMPION = "models:/crack-classifier@champion"


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def uri(tmp_path_factory) -> Iterator[str]:
    """A server's address with a champion."""
    with registry.server(tmp_path_factory.mktemp("tracked")) as uri:
        run_id = registry.trained("champion", registry.classifier(), registry.predictions(2))
        promote(
            registry.settings(uri, "serving.max_megapixels=1", "serving.max_request_megabytes=8"),
            run_id,
        )
        yield uri


@pytest.fixture(scope="module")
def address(uri, tmp_path_factory) -> Iterator[str]:
    """The address of the served champion, in a folder that has another package named `src`."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "src").mkdir()
    (folder / "src" / "__init__.py").write_text("raise ImportError('another project')")
    port = free_port()
    command = ["mlflow", "models", "serve", "-m", CHAMPION, "--env-manager", "local"]
    environment = environment_of_commands() | {"MLFLOW_TRACKING_URI": uri}
    with mlflow_server([*command, "--port", str(port)], port, folder, environment) as served:
        yield served


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A drawn photo of 300 x 200 pixels with a crack."""
    return draw_photograph(np.random.default_rng(3), 200, 300, cracked=True).pixels


def encoded(pixels: np.ndarray, form: str) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, form)
    return content.getvalue()


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def request(*images: object) -> str:
    return json.dumps({"inputs": images})


def ask(address: str, content: bytes | str, kind: str = "application/json") -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.post(
            f"{address}/invocations", content=content, headers={"content-type": kind}
        )


def predictions(answer: httpx.Response) -> list[dict[str, object]]:
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def test_photos_are_judged_as_predict_judges_them(address, uri, photo, tmp_path):
    (tmp_path / "in").mkdir()
    for name, form in (("photo.jpg", "JPEG"), ("photo.png", "PNG")):
        (tmp_path / "in" / name).write_bytes(encoded(photo, form))
    given = [f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}", f"tracking.uri={uri}"]
    done = inspect(compose_as(Predict, "predict/config", [*given, "engine.precision=f32"]))
    expected = {record["photo"]: record for record in done.records}
    images = [text((tmp_path / "in" / name).read_bytes()) for name in expected]
    answered = predictions(ask(address, request(*images)))
    for record, verdict in zip(expected.values(), answered, strict=True):
        assert verdict["probability"] == pytest.approx(record["probability"], abs=1e-4)
        assert verdict["label"] == ("Positive" if record["cracked"] else "Negative")
    assert len({verdict["probability"] for verdict in answered}) == 2


def test_a_patch_is_what_the_classifier_in_the_registry_says(address, uri, photo):
    patch = photo[50 : 50 + registry.PATCH, 60 : 60 + registry.PATCH]
    alone = float(load_classifier(CHAMPION).predict(patch[None], verbose=0)[0, 1])
    (verdict,) = predictions(ask(address, request(patch.tolist())))
    expected = expit(logit(alone) / registry.TEMPERATURE)
    assert verdict["probability"] == pytest.approx(expected, abs=1e-4)


def test_images_of_several_sizes_as_the_logged_example_and_pixels(address, uri, photo):
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=CHAMPION))
    example = (folder / "serving_input_example.json").read_text()
    assert len(predictions(ask(address, example))) == 1
    images = [text(encoded(photo, "PNG")), photo.tolist(), photo[:60].astype(float).tolist()]
    first, second, third = predictions(ask(address, request(*images)))
    assert first == second != third


def test_the_registered_model_has_one_classifier_its_split_requirements_and_signature(
    uri, monkeypatch
):
    # Loading the model puts its own copy of src first.
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=CHAMPION))
    assert len(list(folder.rglob("*.keras"))) == 1
    manifest, images = training_split(CHAMPION)
    assert (len(manifest), images) == (400, Path("images"))
    requirements = (folder / "requirements.txt").read_text().split()
    assert all(re.fullmatch(r"[a-z-]+==[\d.]+", line) for line in requirements)
    assert {line.split("==")[0] for line in requirements} >= {"mlflow", "keras", "openvino"}
    model = mlflow.pyfunc.load_model(CHAMPION)
    assert model.metadata.signature.inputs.to_dict() == [{"type": "any", "required": True}]
    batch = np.zeros((2, 96, 96, 3), np.uint8)
    first, second = model.predict(batch)
    assert first == second
    assert first["label"] in ("Negative", "Positive")


def test_what_serves_is_packaged_and_nothing_else(address, uri):
    """So that an edit of what trains makes no other version."""
    code = Path(mlflow.artifacts.download_artifacts(artifact_uri=CHAMPION), "code", "src")
    # That nothing is missing is seen by the server, which has no other copy.
    rooms = {path.name for path in code.iterdir() if path.is_dir()} - {"__pycache__"}
    assert rooms == {"bank", "config", "data", "model", "photos", "registry"}
    assert not (code / "bank" / "suffix_training.py").exists()
    assert not (code / "registry" / "champion.py").exists()
    assert not (code / "data" / "dataset.py").exists()


def test_the_documented_command_answers(address, photo, tmp_path):
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    (tmp_path / "photo.jpg").write_bytes(encoded(photo, "JPEG"))
    found = re.search(
        r"^printf [^`]*/invocations$", (CONF.parent / "docs" / "registry.md").read_text(), re.M
    )
    command = found[0].replace("http://127.0.0.1:5001", address)
    ended = subprocess.run(
        ["sh", "-c", command.replace("curl", "curl --noproxy '*' --silent --show-error")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    (verdict,) = json.loads(ended.stdout)["predictions"]
    assert {"label", "probability", "cracked", "regions"} <= set(verdict)


WHOLE = encoded(np.zeros((96, 96, 3), np.uint8), "JPEG")
LARGE = encoded(np.zeros((1001, 1000, 3), np.uint8), "PNG")
BAD = {
    "no JSON": (b"\xff\xd8", "valid JSON"),
    "a list": ("[]", "must be a JSON dictionary"),
    "another key": ('{"images": []}', "'inputs' key"),
    "no image": (request(), "inputs has no image"),
    "no list": (json.dumps({"inputs": text(WHOLE)}), "must be a list of images, and is a str"),
    "wrong base64": (request("?"), "image 1: text that is not base64"),
    "not an image": (request(text(b"hello")), "image 1: not an image"),
    "empty": (request(""), "image 1: empty file"),
    "cut short": (request(text(WHOLE[:-400])), "image 1: damaged or cut short"),
    "wrong shape": (request([[1, 2], [3, 4]]), "image 1: pixels of shape 2 x 2"),
    "NaN": (request([[[1, 2, float("nan")]]]), "image 1: pixels that are not all numbers"),
    "too large": (request(text(LARGE)), "image 1: 1.001 megapixels, above the 1 "),
    "second": (request(text(WHOLE), None), "image 2: neither base64 text nor"),
}


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_a_malformed_request_gets_400_and_the_reason(address, content, reason):
    answer = ask(address, content)
    assert answer.status_code == 400
    assert reason in answer.json()["message"]
    assert "Traceback" not in answer.text
    # The request is not sent back.
    assert len(answer.text) < 500


def test_another_content_type_is_refused(address):
    answer = ask(address, WHOLE, "image/jpeg")
    assert answer.status_code == 415
    assert "application/json" in answer.text


COSTLY = {
    "too long": (b'{"inputs": ["' + b"a" * 9_000_000 + b'"]}', 413, "more than 8 MB"),
    "nested 1,000 deep": (b'{"inputs": [' + b"[" * 1000 + b"]" * 1000 + b"]}", 400, "too deeply"),
    "5,000 digits": (b'{"inputs": [[[[' + b"9" * 5000 + b",1,2]]]]}", 400, "not valid JSON"),
    "lists": (b'{"inputs": [' + b"[]," * 2_600_000 + b"[]]}", 400, "numbers and lists, above"),
}


@pytest.mark.parametrize(("content", "status", "reason"), COSTLY.values(), ids=COSTLY)
def test_what_would_cost_too_much_gets_a_sentence(address, content, status, reason):
    answer = ask(address, content)
    assert answer.status_code == status
    assert reason in answer.json()["message"]


@pytest.mark.parametrize("kind", ["text/csv", "application/vnd.apache.parquet"])
def test_a_table_is_refused(address, kind):
    answer = ask(address, b"a\n1\n", kind)
    assert (answer.status_code, "must be JSON" in answer.text) == (415, True)
