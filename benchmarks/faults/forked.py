"""Commands run as on a command line, without the seconds that their imports take.

Libraries are imported once, and each command runs in a fork of this process, as the leader of a
process group of its own.
"""

import atexit
import gc
import importlib
import os
import re
import runpy
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from src.config.code_closure import module_file

# Modules that import what most commands need.
LIBRARIES = (
    *("src.formats.conversion", "src.photos.inspection", "src.pipeline.tracked_run"),
    *("src.pipeline.tracked_audit", "src.registry.champion"),
)
PATIENCE = 600  # seconds after which a command counts as hanging
MOST_MIB = 2048  # memory above which a command counts as greedy


@dataclass(frozen=True)
class Ended:
    """A command that has ended.

    Attributes:
        status: its exit status, or minus the number of the signal that ended it.
        output: what it has printed.
        errors: what it has written to the standard error.
        seconds: how long it took.
        mib: the most memory that it took, in MiB.
    """

    status: int
    output: str
    errors: str
    seconds: float
    mib: int

    @property
    def greedy(self) -> bool:
        """Whether it took more memory than any command should."""
        return self.mib > MOST_MIB

    @property
    def sentence(self) -> bool:
        """Whether it has told an error, or how it is used, in a sentence."""
        return bool(re.search(r"^(error: |usage: )|: error: ", self.errors, re.M))


def import_libraries() -> None:
    """Import what most commands need, so that their forks need not do it."""
    for module in LIBRARIES:
        importlib.import_module(module)
    # A fork would copy the memory of all objects when it looks for garbage among them.
    gc.freeze()


def start(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Start `python -m MODULE ARGUMENTS` in a folder, and return the id of its process and group.

    Its output is written to .output and .errors in the folder.

    Args:
        command: the module of this project and its arguments, or a command of DVC.
        folder: the current folder of the command.
        environment: variables that are set for it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        # Before that, its group could not be killed.
        while os.getpgid(process) != process:
            time.sleep(0.001)
        return process
    status = 1
    try:
        os.setsid()
        os.chdir(folder)
        # MLflow sets it for the children of a process that has used a server.
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        os.environ.update(environment)
        # This process may have asked for its own folder already.
        tempfile.tempdir = None
        _redirect(Path(".output"), Path(".errors"))
        if command[0] == "dvc":
            # Its stages run in processes of their own, so nothing is gained by a fork.
            os.execv(sys.executable, [sys.executable, "-m", *command])
        status = _run(*command)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def wait(process: int, folder: Path, seconds: float = PATIENCE) -> Ended:
    """Wait for a command that `start` has started in a folder.

    Args:
        process: its process.
        folder: its folder.
        seconds: time after which its process group is killed.
    """
    begun = time.monotonic()
    while True:
        ended, raw, used = os.wait4(process, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - begun > seconds:
            os.killpg(process, signal.SIGKILL)
            _, raw, used = os.wait4(process, 0)
            break
        time.sleep(0.005)
    texts = [(folder / name).read_text(errors="replace") for name in (".output", ".errors")]
    took = time.monotonic() - begun
    return Ended(os.waitstatus_to_exitcode(raw), texts[0], texts[1], took, used.ru_maxrss // 2**10)


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Ended:
    """Run a command to its end; see `start`."""
    return wait(start(command, folder, environment), folder)


def _redirect(output: Path, errors: Path) -> None:
    for number, path in ((1, output), (2, errors)):
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(target, number)
        os.close(target)
    # A test's own streams would keep what is written.
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _run(module: str, *arguments: str) -> int:
    sys.argv = [str(module_file(module)), *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return 0
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
            return 1
        return ended.code or 0
    finally:
        atexit._run_exitfuncs()
