"""Logins stay out of what is stored and shown, and a server that is down is told soon."""

import os
import socket

import mlflow
import pytest
from fastapi import FastAPI

from src.errors import InputError
from src.tracking import runs
from src.tracking.run_reading import config_of
from src.tracking.server_access import impatient, server_answers, with_login_set_apart
from tests.loopback import served


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    before = mlflow.get_tracking_uri()
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    yield
    mlflow.set_tracking_uri(before)


def test_a_login_goes_where_mlflow_looks_for_it():
    assert with_login_set_apart("https://user:s%3Acret@host:5000/a") == "https://host:5000/a"
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "user"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "s:cret"


@pytest.mark.parametrize("uri", ["http://host:5000", "sqlite:///a@b.db", "postgresql://u:p@host/d"])
def test_other_addresses_stay(uri):
    assert with_login_set_apart(uri) == uri
    assert "MLFLOW_TRACKING_USERNAME" not in os.environ


def test_an_address_without_an_answer_is_named_without_its_password():
    with pytest.raises(InputError, match=r"can't track runs at http://127\.0\.0\.1:9 ") as error:
        runs.connect("http://user:s3cret@127.0.0.1:9", "crack-detection")
    assert "s3cret" not in str(error.value)


@pytest.mark.slow
def test_no_run_keeps_a_password(tmp_path):
    runs.connect(None, "crack-detection")
    address = "http://user:s3cret@host"
    settings = {"tracking": {"uri": address}, "train": {"output": "out", "list": [address], "n": 1}}

    def failing() -> None:
        with runs.tracked_run("run", settings, system_metrics=False):
            raise OSError(f"no answer from {address}")

    with pytest.raises(OSError, match="no answer"):
        failing()
    (run,) = mlflow.search_runs(output_format="list")
    assert run.data.params == {"train.list": "['http://host']", "train.n": "1"}
    assert config_of(run.info.run_id)["tracking"]["uri"] == "http://host"
    assert run.data.tags["error"] == "OSError: no answer from http://host"
    stored = [file.read_bytes() for file in (tmp_path / "mlruns").rglob("*") if file.is_file()]
    assert not [content for content in stored if b"s3cret" in content]


@pytest.mark.slow
def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(InputError, match=f"can't track runs at http://127.0.0.1:{port}"):
            runs.connect(f"http://127.0.0.1:{port}", "crack-detection")


def test_patience_comes_back_and_what_was_set_stays(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT", raising=False)
    with impatient():
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "3"
        assert 2 * float(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]) < 20
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ


@pytest.mark.parametrize(("status", "answers"), [(200, True), (401, True), (503, False)])
def test_a_server_that_asks_for_a_login_answers(status, answers):
    app = FastAPI()
    app.get("/health", status_code=status)(lambda: "")
    with served(app) as address:
        mlflow.set_tracking_uri(address)
        assert server_answers() is answers
    assert not server_answers()


@pytest.mark.parametrize("password", ["p/w", "p?w", "p#w", 'p"w', "5/w", "5?w", "5#w"])
def test_a_password_that_breaks_its_address_is_not_shown(password):
    with pytest.raises(InputError) as error:
        runs.connect(f"http://user:{password}@127.0.0.1:9", "crack-detection")
    assert password not in str(error.value)
    assert '"' in password or "%2F" in str(error.value)


def test_a_password_with_codes_is_read():
    assert with_login_set_apart("http://user:p%2Fw@127.0.0.1:9/a") == "http://127.0.0.1:9/a"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "p/w"
