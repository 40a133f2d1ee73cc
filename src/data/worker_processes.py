"""Work that keeps Python busy, shared among processes."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import cv2
from tqdm import tqdm

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")
CHUNK = 16  # number of jobs that a process takes at a time


def map_in_processes(
    work: Callable[[Job], Outcome], jobs: Sequence[Job], *, desc: str, unit: str, few: int = CHUNK
) -> list[Outcome]:
    """Apply a function to all jobs, with progress, in one process per core.

    The processes end with this one, also if it is killed. Few jobs are done here, because starting
    a process takes longer. So are all jobs if this is itself one of several processes, such as a
    job of a sweep by joblib, whose children cannot be started this way.

    Args:
        work: the function. It, the jobs and the outcomes can be pickled.
        jobs: the jobs.
        desc: what is done, shown with the progress.
        unit: what a job is.
        few: so many jobs and fewer are done in this process.

    Returns:
        The outcomes in the order of the jobs.
    """
    alone = multiprocessing.current_process().name == "MainProcess"
    if len(jobs) <= few or not alone:
        return [work(job) for job in tqdm(jobs, desc=desc, unit=unit)]
    # Processes are spawned, because a forked one would inherit the locks of its parent's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=context, initializer=_prepare_worker) as pool:
        done = pool.map(work, jobs, chunksize=CHUNK)
        return list(tqdm(done, total=len(jobs), desc=desc, unit=unit))


def _prepare_worker() -> None:
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent is gone; one that was killed can't tell it to."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
