"""Ctrl-C in the middle of a transaction of MLflow's database, in a process of its own.

An interrupt that comes late would end the process that runs the tests.
"""

import subprocess
from pathlib import Path

import pytest

from src.config.loader import ROOT

CASES = Path(__file__).with_name("interrupted_cases.py")


@pytest.mark.slow
def test_an_interrupt_waits_for_the_database(tmp_path, warm_python):
    command = [warm_python, "-m", "pytest", "-q", "-n0", f"--basetemp={tmp_path / 'cases'}"]
    done = subprocess.run([*command, str(CASES)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
