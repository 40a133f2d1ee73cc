"""Ctrl-C in the middle of a transaction of MLflow's database."""

import os
import signal
import socket
import threading
import time

import mlflow
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from src.tracking.runs import connect, tracked_run
from tests.tracking.store import put_database


@pytest.fixture
def connected(tmp_path, monkeypatch):
    put_database(tmp_path / "mlruns/mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    # A test runner in a script's background would ignore interrupts.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    connect(None, "interrupted")
    yield
    signal.signal(signal.SIGINT, usual)


@pytest.fixture
def interrupted_insert():
    """Interrupt this process within the transaction that inserts parameters."""

    def interrupt(connection, cursor, statement, *rest) -> None:
        if statement.startswith("INSERT INTO params"):
            os.kill(os.getpid(), signal.SIGINT)
            happened.append(statement)

    happened: list[str] = []
    event.listen(Engine, "after_cursor_execute", interrupt)
    yield happened
    event.remove(Engine, "after_cursor_execute", interrupt)


def wait() -> None:
    # signal.pause() would miss an interrupt that comes just before it.
    for _ in range(300):
        time.sleep(0.1)


def test_an_interrupt_waits_for_the_transaction(connected, interrupted_insert):
    run = tracked_run("one", {"seed": 1}, system_metrics=False)
    with pytest.raises(KeyboardInterrupt), run:
        wait()
    assert interrupted_insert
    (run,) = mlflow.search_runs(output_format="list")
    assert run.info.status == "FAILED"
    # The transaction was completed before.
    assert run.data.params == {"seed": "1"}
    assert run.data.tags["error"].startswith("KeyboardInterrupt")


def test_an_interrupt_elsewhere_is_immediate(connected):
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_does_not_wait_for_a_server_that_is_silent(connected, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mlflow.set_tracking_uri(f"http://127.0.0.1:{silent.getsockname()[1]}")
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            mlflow.MlflowClient().log_metric("1" * 32, "loss", 1.0)
    assert time.monotonic() - begun < 10
