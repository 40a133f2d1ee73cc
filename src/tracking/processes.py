"""Which process a run belongs to, so that those of processes that are gone can be closed; locks."""

import os
import socket
from contextlib import AbstractContextManager, nullcontext

import mlflow
import psutil
from filelock import FileLock
from mlflow.entities import Run, RunStatus

from src.tracking.store import sqlite_file

HOST, PROCESS = "process.host", "process.id"
# Seconds by which the system's own reckoning of a process's start can shift.
TOLERANCE = 2


def process_tags() -> dict[str, str]:
    """This machine's name, and this process's id with the second it started at."""
    started = psutil.Process().create_time()
    return {HOST: socket.gethostname(), PROCESS: f"{os.getpid()} {started:.0f}"}


def close_abandoned_runs() -> list[str]:
    """End as KILLED what runs on in this experiment though its process on this machine is gone.

    Runs of other machines, and runs that don't say whose they are, stay as they are.

    Returns:
        The ids of the runs that were closed.
    """
    running = mlflow.search_runs(
        filter_string=f"attributes.status = 'RUNNING' and tags.`{HOST}` = '{socket.gethostname()}'",
        output_format="list",
    )
    client, closed = mlflow.MlflowClient(), []
    for run in running:
        # Read again once the process is known to be gone: it may have ended its run just before.
        if not _is_alive(run.data.tags[PROCESS]) and _is_running(client.get_run(run.info.run_id)):
            client.set_tag(run.info.run_id, "error", "its process ended without closing the run")
            client.set_terminated(run.info.run_id, "KILLED")
            closed.append(run.info.run_id)
    return closed


def is_at_work(run: Run) -> bool:
    """Whether the run is open and the process it belongs to lives on this machine."""
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
    """Held by the one process that does this work on a sqlite file; a server has no such lock."""
    file = sqlite_file(uri)
    return FileLock(file.with_name(f".{file.name}.{work}.lock")) if file else nullcontext()
