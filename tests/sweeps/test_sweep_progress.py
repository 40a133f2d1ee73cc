"""The time that is left for a sweep, from the jobs that it has trained."""

from contextlib import AbstractContextManager, nullcontext

import pytest

from src.sweeps import sweep_progress
from src.sweeps.sweep_progress import SweepProgress


@pytest.fixture
def announced(monkeypatch) -> list[str]:
    """The announcements, which are taken where they would go to the console."""
    texts: list[str] = []

    def noted(text: str) -> AbstractContextManager[None]:
        texts.append(text)
        return nullcontext()

    monkeypatch.setattr(sweep_progress, "announced", noted)
    return texts


def test_jobs_of_an_earlier_start_tell_nothing_of_the_time(announced, monkeypatch):
    clock = iter([0, 0.2, 10, 40, 50, 50.2, 60])
    monkeypatch.setattr(sweep_progress.time, "monotonic", lambda: next(clock))
    progress = SweepProgress(4)
    for number in range(4):
        progress.job_starts(number)
        if number < 3:
            progress.job_ends()
    assert announced == [
        "job 1 of 4 is at work",
        "job 2 of 4 is at work",
        "job 3 of 4 is at work, about 01:00 left for the sweep",
        "job 4 of 4 is at work, about 00:30 left for the sweep",
    ]
