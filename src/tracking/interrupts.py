"""Ctrl-C while a database is written: the interrupt waits for the end of the transaction.

KeyboardInterrupt within a transaction can leave it open. The database is then locked, also for this
process, which can no longer close its run.
"""

import os
import signal
import threading
from types import FrameType

# Modules of MLflow's stores. An interrupt waits until none of them is at work. It does not wait for
# those that ask a server.
_STORES = ("sqlalchemy.", "mlflow.store.")
_OF_A_SERVER = (
    *("mlflow.store.tracking.rest_store", "mlflow.store.model_registry.rest_store"),
    *("mlflow.store.artifact.http_artifact_repo", "mlflow.store.artifact.mlflow_artifacts_repo"),
)
# Seconds after which an interrupt is tried again.
_PAUSE = 0.05


def interrupts_wait_for_the_database() -> None:
    """Let SIGINT raise KeyboardInterrupt only between the transactions of the main thread.

    A handler that someone else has set stays. A shell, for example, lets its background processes
    ignore interrupts. Outside the main thread, where no handler can be set, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _writes(frame):
        again = threading.Timer(_PAUSE, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()
    else:
        signal.default_int_handler(number, frame)


def _writes(frame: FrameType | None) -> bool:
    while frame:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(_STORES) and not module.startswith(_OF_A_SERVER):
            return True
        frame = frame.f_back
    return False
