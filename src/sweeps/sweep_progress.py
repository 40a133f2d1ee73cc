"""What the console shows while the jobs of a sweep run one after the other."""

import time
from contextlib import ExitStack

from tqdm import tqdm

from src.config.console import announced

# A job that ends sooner, in seconds, was not trained: an earlier start of the sweep had done it.
TRAINED = 1.0


class SweepProgress:
    """Announces each job of a sweep that takes long, with the time that is left for the sweep.

    The time is known once a job has been trained. The other jobs are assumed to take as long as the
    last one that was trained.
    """

    def __init__(self, jobs: int) -> None:
        """
        Args:
            jobs: number of jobs of the sweep.
        """
        self._jobs = jobs
        self._started = 0.0
        self._last = 0.0
        self._shown = ExitStack()

    def job_starts(self, number: int) -> None:
        """Announce a job, whose number counts from 0."""
        self._started = time.monotonic()
        left = self._last * (self._jobs - number)
        known = f", about {tqdm.format_interval(left)} left for the sweep" if left else ""
        text = f"job {number + 1} of {self._jobs} is at work{known}"
        self._shown.enter_context(announced(text))

    def job_ends(self) -> None:
        """Withdraw the announcement of the job that started last, and take its time."""
        self._shown.close()
        seconds = time.monotonic() - self._started
        if seconds >= TRAINED:
            self._last = seconds
