"""The processes of runs: runs of ended processes are closed, and locks are held by one process."""

import os
import socket
from contextlib import AbstractContextManager, nullcontext, suppress

import mlflow
import psutil
from filelock import FileLock
from mlflow.entities import LoggedModelStatus, Run, RunStatus
from mlflow.exceptions import MlflowException

from src.tracking.store import sqlite_file

HOST, PROCESS = "process.host", "process.id"
# Seconds by which the start time of a process, as the system reports it, can change.
TOLERANCE = 2


def process_tags() -> dict[str, str]:
    """Return tags with the name of this machine, and the id and start time of this process."""
    started = psutil.Process().create_time()
    return {HOST: socket.gethostname(), PROCESS: f"{os.getpid()} {started:.0f}"}


def close_abandoned_runs() -> list[str]:
    """Set the status KILLED for open runs of this experiment whose process has ended.

    Runs of other machines and runs without the tags of a process are not changed.

    Returns:
        The ids of the runs that were closed.
    """
    running = mlflow.search_runs(
        filter_string=f"attributes.status = 'RUNNING' and tags.`{HOST}` = '{socket.gethostname()}'",
        output_format="list",
    )
    client, closed = mlflow.MlflowClient(), []
    for run in running:
        # The run is read again, because the process may have closed it just before it ended.
        if not _is_alive(run.data.tags[PROCESS]) and _is_running(client.get_run(run.info.run_id)):
            client.set_tag(run.info.run_id, "error", "its process ended without closing the run")
            client.set_terminated(run.info.run_id, "KILLED")
            closed.append(run.info.run_id)
    return closed


def close_abandoned_models(experiment: str) -> list[str]:
    """Set the status FAILED for logged models whose process ended before they were complete.

    A model has the tags of a process only while it is being logged; see `complete`.

    Args:
        experiment: id of the experiment.

    Returns:
        The ids of the models that were closed.
    """
    client, closed = mlflow.MlflowClient(), []
    found = client.search_logged_models(
        [experiment], filter_string=f"tags.`{HOST}` = '{socket.gethostname()}'"
    )
    for model in found:
        if _is_alive(model.tags[PROCESS]):
            continue
        if model.status == LoggedModelStatus.PENDING:
            client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
            closed.append(model.model_id)
        # Another process may have done the same meanwhile.
        with suppress(MlflowException):
            complete(model.model_id)
    return closed


def complete(model_id: str) -> None:
    """Remove the tags of this process from a logged model, which is now complete."""
    for key in (HOST, PROCESS):
        mlflow.MlflowClient().delete_logged_model_tag(model_id, key)


def is_at_work(run: Run) -> bool:
    """Return whether a run is open and its process is still alive on this machine."""
    here = run.data.tags.get(HOST) == socket.gethostname()
    return here and _is_running(run) and _is_alive(run.data.tags[PROCESS])


def _is_running(run: Run) -> bool:
    return run.info.status == RunStatus.to_string(RunStatus.RUNNING)


def _is_alive(process: str) -> bool:
    pid, started = process.split()
    try:
        found = psutil.Process(int(pid))
        alive = found.status() != psutil.STATUS_ZOMBIE
        return alive and abs(found.create_time() - float(started)) <= TOLERANCE
    except psutil.NoSuchProcess:
        return False


def one_process(uri: str, work: str) -> AbstractContextManager[object]:
    """Return a lock, so that only one process at a time does some work on a sqlite database.

    For other addresses, the returned context does nothing.

    Args:
        uri: a tracking URI.
        work: name of the work, which is part of the lock file's name.
    """
    file = sqlite_file(uri)
    return FileLock(file.with_name(f".{file.name}.{work}.lock")) if file else nullcontext()
