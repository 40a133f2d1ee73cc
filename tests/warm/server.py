"""Runs commands in forks of a process that has imported the libraries already.

TensorFlow, MLflow and the like take about six seconds of processor time to import, and many tests
run commands that need them. A fork has the libraries from the start. Everything else is as in a new
process: its folder, environment, arguments, streams, exit status, and the project's own code.
"""

import gc
import importlib
import json
import os
import runpy
import shutil
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil

LIBRARIES = (
    *("cv2", "dvc.repo", "fastapi", "h5py", "hydra._internal.hydra", "keras", "matplotlib"),
    *("mlflow.models", "mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store", "openvino"),
    *("pandas", "pydantic", "scipy.stats", "sklearn.linear_model", "sklearn.model_selection"),
    "tensorflow",
)


def main(listening_to: int, owner: int) -> None:
    """Serve the Unix socket of this descriptor until the process `owner` has ended."""
    import_libraries()
    with socket.socket(fileno=listening_to) as listening:
        listening.settimeout(1)
        # The system removes the forks that have ended.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while psutil.pid_exists(owner):
            try:
                client, _ = listening.accept()
            except TimeoutError:
                continue
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                attend(client)
                return
            client.close()
        shutil.rmtree(Path(listening.getsockname()).parent)


def import_libraries() -> None:
    """Import the libraries as commands of the project do, and then forget the project's code."""
    # Python has put the folder of this file there.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from src.config.console import set_up_libraries

    set_up_libraries()
    for name in LIBRARIES:
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "src"]:
        del sys.modules[name]
    del sys.path[0]
    # A fork would copy the memory of all objects when it looks for garbage among them.
    gc.collect()
    gc.freeze()


def attend(client: socket.socket) -> None:
    """Run a client's command in a fork. In that fork this returns, and its caller must return."""
    _, streams, _, _ = socket.recv_fds(client, 1, 3)
    request = json.loads(client.makefile().readline())
    command = os.fork()
    if command == 0:
        client.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        become(**request)
        return
    for stream in streams:
        os.close(stream)
    threading.Thread(target=pass_on_signals, args=(client, command), daemon=True).start()
    _, status = os.waitpid(command, 0)
    # A client that was killed waits for no answer.
    with suppress(BrokenPipeError):
        client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Do in this process what Python does with these arguments, of which the first is -m or -c."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [folder, *filter(None, paths)]
    option, what, *rest = arguments
    if option == "-c":
        sys.argv = [option, *rest]
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
        return
    sys.argv = [what, *rest]
    runpy.run_module(what, run_name="__main__", alter_sys=True)


def pass_on_signals(client: socket.socket, command: int) -> None:
    """Send a command the signals that its client has got. It is killed if its client was."""
    while number := client.recv(1):
        os.kill(command, number[0])
    os.killpg(command, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
