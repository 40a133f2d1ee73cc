"""Servers that tests start as a person would, PostgreSQL's and MLflow's, and stop again."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

# With what an address would have to quote.
PASSWORD = "not/a default: 100% & true@home"


def environment_of_commands() -> dict[str, str]:
    """This process's without settings of MLflow; the commands beside its Python come first."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    # Six processes of a tracking server, for jobs that serve language models only.
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    return environment


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def mlflow_server(
    command: Sequence[str], port: int, folder: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    """What `command` starts in `folder`, to listen on loopback's `port`; yields its address."""
    server = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(address, server)
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_until_healthy(address: str, server: subprocess.Popen[bytes]) -> None:
    # Only a machine with much else to do needs so long.
    deadline = time.monotonic() + 300
    with httpx.Client(trust_env=False) as client:
        while server.poll() is None and time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if client.get(f"{address}/health").is_success:
                    return
            time.sleep(0.2)
    pytest.fail(f"{server.args!r} does not answer at {address}: see its output")


def postgresql_programs() -> Path:
    """The folder of PostgreSQL's programs; without it the test skips, in CI it fails."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
    path = os.pathsep.join([os.environ["PATH"], *map(str, reversed(debian))])
    if found := shutil.which("initdb", path=path):
        return Path(found).resolve().parent
    missing = "needs PostgreSQL: apt-get install postgresql"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@contextmanager
def postgresql(programs: Path) -> Iterator[dict[str, str]]:
    """A PostgreSQL server with an empty database; yields libpq's variables that lead there.

    It listens on a socket in its own folder alone.
    """
    # It refuses to run as root, and what pytest makes for root is closed to all others.
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        folder, data = Path(name), Path(name, "data")
        variables = {"PGHOST": name, "PGUSER": "mlflow", "PGDATABASE": "mlflow"}
        variables["PGPASSWORD"] = PASSWORD
        (folder / "password").write_text(PASSWORD)

        def run(program: str, *arguments: str) -> None:
            command = [programs / program, *arguments]
            environment = os.environ | variables
            subprocess.run(command, cwd=folder, user=user, group=user, env=environment, check=True)

        if user:
            for path in (folder, folder / "password"):
                shutil.chown(path, user, user)
        run(
            *("initdb", f"--pgdata={data}", "--username=mlflow", "--encoding=UTF8", "--no-locale"),
            *("--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync"),
        )
        settings = f"-F -c listen_addresses= -c unix_socket_directories={folder}"
        run("pg_ctl", f"--pgdata={data}", f"--options={settings}", "--wait", "start")
        try:
            run("createdb")
            yield variables
        finally:
            run("pg_ctl", f"--pgdata={data}", "--mode=immediate", "stop")
