"""The address at which MLflow's pages are served."""

import socket

import pytest

from src.errors import InputError
from src.ui import refuse_taken


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
