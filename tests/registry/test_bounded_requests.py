"""Requests to MLflow's own scoring server, in this process."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from mlflow.environment_variables import MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT
from mlflow.pyfunc import scoring_server

from src.registry.bounded_requests import BadRequest, bound_requests
from src.registry.image_judge import BadRequestImage, as_photo


class Model:
    """As MLflow wraps one: says how large each image is, or why it is none."""

    metadata = SimpleNamespace(
        get_input_schema=lambda: None, _is_signature_from_type_hint=lambda: True
    )

    def predict(self, data, params=None):
        try:
            return [as_photo(image, 1.0).size for image in data]
        except BadRequestImage as reason:
            raise BadRequest(str(reason)) from reason


@pytest.fixture
def client(monkeypatch) -> TestClient:
    # So that the bounds end with the test.
    monkeypatch.setattr(scoring_server, "invocations", scoring_server.invocations)
    bound_requests()
    return TestClient(scoring_server.init(Model()), raise_server_exceptions=False)


def ask(client: TestClient, content: bytes | str, **headers: str):
    headers = {"content-type": "application/json"} | headers
    return client.post("/invocations", content=content, headers=headers)


def test_images_pass(client):
    pixels = np.zeros((20, 30, 3), int).tolist()
    answer = ask(client, json.dumps({"inputs": [pixels, pixels]}))
    assert (answer.status_code, answer.json()) == (200, {"predictions": [[30, 20], [30, 20]]})


BAD = {
    "nested 1,000 deep": (b'{"inputs": [' + b"[" * 1000 + b"]" * 1000 + b"]}", "too deeply"),
    "nested 100,000 deep": (b'{"inputs": ' + b"[" * 10**5 + b"]" * 10**5 + b"}", "too deeply"),
    "objects nested": (b'{"inputs": ' + b'{"a":' * 10**5 + b"1" + b"}" * 10**5 + b"}", "deeply"),
    "5,000 digits": (b'{"inputs": [[[[' + b"9" * 5000 + b",1,2]]]]}", "not valid JSON"),
    "400 digits": (
        b'{"inputs": [[[[' + b"9" * 400 + b",0.5,2]]]]}",
        "neither base64 text nor an array",
    ),
    "many lists": (b'{"inputs": [' + b"[]," * 16_000_000 + b"[]]}", "numbers and lists, above"),
    "many numbers": (b'{"inputs": [' + b"1," * 5_000_000 + b"1]}", "numbers and lists, above"),
    "no UTF-8": (b"\xff\xd8", "not valid JSON"),
    "a list": (b"[]", "must be a JSON dictionary"),
    "another key": (b'{"images": []}', "'inputs' key"),
}


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_what_costs_too_much_or_is_no_request_gets_400_and_the_reason(client, content, reason):
    answer = ask(client, content)
    assert answer.status_code == 400
    assert reason in answer.json()["message"]
    assert len(answer.text) < 500


def test_no_content_type_is_refused(client):
    answer = client.post("/invocations", content=b"{}")
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.text


def test_it_is_bound_once(client):
    once = scoring_server.invocations
    bound_requests()
    assert scoring_server.invocations is once


def test_a_request_may_take_longer_than_a_minute(monkeypatch):
    name = MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT.name
    monkeypatch.setenv(name, "1")
    monkeypatch.delenv(name)
    monkeypatch.setattr(scoring_server, "invocations", scoring_server.invocations)
    bound_requests()
    # `scoring_server.init` reads it, after the model is loaded.
    assert MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT.get() >= 600


def test_the_users_own_limit_of_a_request_stays(monkeypatch):
    monkeypatch.setenv(MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT.name, "5")
    monkeypatch.setattr(scoring_server, "invocations", scoring_server.invocations)
    bound_requests()
    assert MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT.get() == 5


def test_the_type_of_a_request_may_have_capitals(client):
    content = json.dumps({"inputs": [[[[0, 0, 0]]]]})
    assert ask(client, content, **{"content-type": "Application/JSON"}).status_code == 200
