"""The address at which MLflow's pages are served."""

import socket
import subprocess
import sys

import pytest

from src.config.loader import ROOT
from src.errors import InputError
from src.ui import refuse_taken
from tests.tracking.store import put_database
from tests.whole.servers import environment_of_commands, free_port


def test_a_taken_port_is_refused_and_a_free_one_is_not():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is taken.*PORT={port + 1}"):
            refuse_taken("127.0.0.1", port)
    refuse_taken("127.0.0.1", port)
    refuse_taken("::1", port)


def test_a_host_that_there_is_not_is_told():
    with pytest.raises(InputError, match=r"tracking\.ui: there is no host nowhere\.invalid"):
        refuse_taken("nowhere.invalid", 5000)


@pytest.mark.slow
def test_the_server_ends_with_the_command(tmp_path):
    put_database(tmp_path / "mlruns/mlflow.db")
    port = free_port()
    command = [sys.executable, "-m", "src.ui", f"tracking.ui=http://127.0.0.1:{port}"]
    environment = environment_of_commands() | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as ui:
        assert any(line.startswith("choose `Model training`") for line in ui.stdout)
        ui.terminate()
        assert ui.wait(60) == 0
    refuse_taken("127.0.0.1", port)
