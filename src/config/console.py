"""What commands show on the console. What libraries say about themselves goes to a log file."""

import atexit
import faulthandler
import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tabulate import tabulate

from src.errors import without_credentials

LOGS = Path("outputs/logs")
# Settings of libraries, which they read when they are imported. What is set already is kept.
_LIBRARIES = {
    "HYDRA_FULL_ERROR": "1",  # Hydra raises its errors instead of printing them itself.
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Otherwise keras.json in the home folder could choose another one.
    "KERAS_BACKEND": "tensorflow",
    "NNCF_CI": "1",  # NNCF, too, would report its use.
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
# Where the output is no terminal, a step that takes over ten seconds shows one line.
_PROGRESS_IN_FILES = {
    "TQDM_BAR_FORMAT": "{desc}: {n_fmt} of {total_fmt} after {elapsed}, {remaining} left{postfix}",
    "TQDM_DELAY": "10",
    "TQDM_MININTERVAL": "10",
}


def set_up_libraries() -> None:
    """Set the environment variables that keep libraries quiet, for this process and its children.

    Libraries read them at their import, so this comes first.
    """
    progress = {} if sys.stderr.isatty() else _PROGRESS_IN_FILES
    for name, value in {**_LIBRARIES, **progress}.items():
        os.environ.setdefault(name, value)


def console_width() -> int:
    """Return the number of letters in a line of the terminal, which is unlimited without one."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def log_to_file(command: str) -> Path | None:
    """Send log records and warnings to a new file in outputs/logs.

    Warnings of this project's own modules are also shown on the console.

    Args:
        command: name of the command, with which the file's name begins.

    Returns:
        The file, or None if it cannot be made; then nothing is changed. It is removed at the end
        of the process if it is empty.
    """
    path = LOGS / f"{command}-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(path, encoding="utf-8")
    except OSError:
        return None
    handler.setFormatter(_WithoutPasswords("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root, own = logging.getLogger(), logging.getLogger("src")
    for former in [one for one in root.handlers if isinstance(one, _LogFile)]:
        root.removeHandler(former)
        former.close()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    if not own.handlers:
        shown = logging.StreamHandler()
        shown.setLevel(logging.WARNING)
        own.addHandler(shown)
    logging.captureWarnings(True)
    atexit.register(_remove_if_empty, path.absolute())
    return path


def divert_noise(command: str) -> Path | None:
    """Send to a log file what libraries say, including what C++ code writes to descriptor 2.

    TensorFlow writes some lines there whatever its settings. What Python writes to `sys.stderr`,
    such as a traceback, still reaches the console. So does the Python stack of a crash in C++.

    Processes that are started later inherit the log file as their descriptor 2. So a command that
    starts other commands of this project must use `log_to_file` instead.

    Args:
        command: see `log_to_file`.

    Returns:
        See `log_to_file`.
    """
    path = log_to_file(command)
    # A test or a notebook has put another stream there, and needs descriptor 2 itself.
    former = sys.__stderr__
    if path is None or former is None or sys.stderr is not former:
        return path
    if former.fileno() == 2:
        former.flush()
        console = os.fdopen(
            os.dup(2), "w", buffering=1, encoding=former.encoding, errors="backslashreplace"
        )
        sys.stderr = sys.__stderr__ = console  # type: ignore[misc]
        faulthandler.enable(console)
        for handler in logging.getLogger("src").handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(console)
    with path.open("ab") as log:
        os.dup2(log.fileno(), 2)
    return path


def give_back_descriptor_2() -> None:
    """Undo what `divert_noise` did, for a program that takes the place of this one."""
    if sys.stderr is sys.__stderr__ and sys.stderr is not None:
        os.dup2(sys.stderr.fileno(), 2)


@contextmanager
def announced(step: str) -> Iterator[None]:
    """Tell on the console what the program is doing, for a step that has no progress line.

    In a terminal the text is shown at once. Elsewhere it is shown if the step takes longer than
    TQDM_DELAY seconds, as progress lines are.

    Args:
        step: what is done, and how long it takes.
    """
    delay = float(os.environ.get("TQDM_DELAY", "0"))
    timer = threading.Timer(delay, print, (step,), {"file": sys.stderr})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def current_log() -> Path | None:
    """Return the log file of this command or job, or None if there is none."""
    files = [one for one in logging.getLogger().handlers if isinstance(one, _LogFile)]
    return Path(os.path.relpath(files[0].baseFilename)) if files else None


def aligned(rows: Iterable[tuple[str, ...]]) -> str:
    """Format rows of text as aligned columns."""
    return str(tabulate(list(rows), tablefmt="plain", disable_numparse=True))


class _WithoutPasswords(logging.Formatter):
    """Formats records without the passwords in addresses."""

    def format(self, record: logging.LogRecord) -> str:
        return without_credentials(super().format(record))


class _LogFile(logging.FileHandler):
    """The handler of the log file, which is told apart from handlers of others by its class."""


def _remove_if_empty(path: Path) -> None:
    if path.exists() and not path.stat().st_size:
        path.unlink()
