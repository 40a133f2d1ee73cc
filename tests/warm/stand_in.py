"""Makes the stand-in for Python that tests run commands with."""

import os
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

HERE = Path(__file__).resolve().parent


def python_in(folder: Path) -> Path:
    """Return a stand-in for Python in `folder`; it is made for the first process that asks.

    Its server ends with the test run.
    """
    python = folder / "python"
    with FileLock(folder / "python.lock"):
        if not python.exists():
            client = shlex.join([sys.executable, "-I", "-S", str(HERE / "client.py"), _served()])
            python.write_text(f'#!/bin/sh\nexec {client} "$@"\n')
            python.chmod(0o755)
    return python


def _served() -> str:
    """Start a server, and return its address."""
    # pytest-xdist runs the tests in children of the process that was started.
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    with socket.socket(socket.AF_UNIX) as listening:
        # Another folder, because the address of a socket must be short.
        address = str(Path(tempfile.mkdtemp(prefix="warm-"), "socket"))
        listening.bind(address)
        listening.listen()
        server = [sys.executable, HERE / "server.py", str(listening.fileno()), str(owner)]
        with Path(address).with_name("log").open("wb") as log:
            subprocess.Popen(
                server,
                pass_fds=[listening.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
    return address
