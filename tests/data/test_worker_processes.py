"""Jobs shared among processes."""

import os

import pytest
from joblib import Parallel, delayed

from src.data.worker_processes import CHUNK, map_in_processes


def process_of(job: int) -> tuple[int, int]:
    return job, os.getpid()


def outcomes(count: int, few: int = CHUNK) -> list[tuple[int, int]]:
    return map_in_processes(process_of, range(count), desc="trying", unit="job", few=few)


def test_few_jobs_are_done_in_this_process():
    assert outcomes(CHUNK) == [(job, os.getpid()) for job in range(CHUNK)]
    assert outcomes(50, few=50) == [(job, os.getpid()) for job in range(50)]


@pytest.mark.slow
def test_many_jobs_are_done_elsewhere_in_their_order():
    done = outcomes(2 * CHUNK)
    assert [job for job, _ in done] == list(range(2 * CHUNK))
    assert os.getpid() not in {process for _, process in done}


@pytest.mark.slow
def test_a_process_of_joblib_does_its_jobs_itself():
    (done,) = Parallel(n_jobs=2)([delayed(outcomes)(2 * CHUNK)])
    assert [job for job, _ in done] == list(range(2 * CHUNK))
    assert len({process for _, process in done}) == 1
