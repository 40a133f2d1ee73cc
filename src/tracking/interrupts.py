"""Ctrl-C while a database is written: the interrupt waits for the end of the transaction.

KeyboardInterrupt within a transaction can leave it open. The database is then locked, also for this
process, which can no longer close its run.
"""

import os
import signal
import threading
from types import FrameType

# Modules of MLflow's database store. An interrupt waits until none of them is at work.
_DATABASE = ("sqlalchemy.", "mlflow.store.")
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
        if str(frame.f_globals.get("__name__")).startswith(_DATABASE):
            return True
        frame = frame.f_back
    return False
