"""Serve MLflow's pages of the tracked runs to the browser of this machine.

python -m src.ui                                     over mlruns/, as `make ui` does; Ctrl-C ends it
python -m src.ui tracking.ui=http://127.0.0.1:5001   at another port, as `make ui PORT=5001` does
"""

import os
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

from src.config.command import entry_point
from src.config.schema import Config
from src.errors import InputError

# Seconds to wait for the server's first answer.
PATIENCE = 120


@entry_point
def main(config: Config) -> None:
    import mlflow

    from src.tracking.runs import connect
    from src.tracking.shared_views import share_runs

    connect(config.tracking.uri, config.tracking.experiment)
    store = mlflow.get_tracking_uri()
    view = share_runs(mlflow.set_experiment(config.tracking.experiment).experiment_id)
    if urlsplit(store).scheme in ("http", "https"):
        print(f"the runs are on a server: {store.rstrip('/')}/{view}")
        return
    address = urlsplit(config.tracking.ui)
    host, port = address.hostname or "127.0.0.1", address.port or 80
    refuse_taken(host, port)
    print("starting …")
    # A closed terminal, or a service that ends, ends the server too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with subprocess.Popen(server_command(host, port), env=server_environment(store)) as server:
        try:
            wait_until_healthy(config.tracking.ui, server)
            print(f"the runs, the best first: {config.tracking.ui}/{view}")
            print("choose `Model training` at the top left once in a new browser; Ctrl-C ends it")
            status = server.wait()
        except KeyboardInterrupt:
            return
        finally:
            server.terminate()
    raise InputError(f"the server has ended with status {status}; start it again")


def server_command(host: str, port: int) -> list[str]:
    """Return the command that serves a store of runs. One person needs one worker."""
    return [
        *(sys.executable, "-m", "mlflow", "ui"),
        *("--host", host, "--port", str(port), "--workers", "1"),
        *("--uvicorn-opts", "--log-level warning"),
    ]


def server_environment(store: str) -> dict[str, str]:
    """Return the environment of the server. One person needs no queue of jobs.

    The store's address may have a password, and every user of the machine sees command lines.
    """
    stores = dict.fromkeys(("MLFLOW_BACKEND_STORE_URI", "MLFLOW_REGISTRY_STORE_URI"), store)
    return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ, **stores}


def refuse_taken(host: str, port: int) -> None:
    """Raise InputError if another program listens on the port, or there is no such host."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except socket.gaierror as error:
        raise InputError(f"tracking.ui: there is no host {host}: {error.strerror}") from error
    except OSError:
        return
    raise InputError(
        f"port {port} is taken, perhaps by another `make ui`; "
        f"`make ui PORT={port + 1}` takes another"
    )


def wait_until_healthy(address: str, server: "subprocess.Popen[bytes]") -> None:
    """Wait for the server's first answer.

    Raises:
        InputError: the server has ended, or does not answer.
    """
    import httpx

    deadline = time.monotonic() + PATIENCE
    with httpx.Client(trust_env=False) as client:
        while server.poll() is None and time.monotonic() < deadline:
            try:
                if client.get(f"{address}/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
    server.terminate()
    raise InputError(f"the server does not answer at {address}")


if __name__ == "__main__":
    main()
