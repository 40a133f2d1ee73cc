"""A few of the faults of `python -m benchmarks.faults`, which tries them in large numbers."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults.archives import unpack_archives
from src.config.loader import ROOT
from tests.whole.servers import environment_of_commands

FEW = """
import sys
from pathlib import Path
from benchmarks.faults.command_lines import try_command_lines
from benchmarks.faults.forked import import_libraries
from benchmarks.faults.kills import kill_commands
from benchmarks.faults.workspace import Workspace

import_libraries()
workspace = Workspace(Path(sys.argv[1]))
print(kill_commands(workspace, 1, 1, ["fetch"]))
# Command lines are tried in a workspace with runs. Training them would take most of the time.
workspace.runs = ["0" * 32]
workspace.restore("empty")
workspace.save("trained")
print(try_command_lines(workspace, 6, 1))
"""


def ran(folder: Path, python: str | Path, *command: str) -> str:
    environment = environment_of_commands() | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [python, *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_what_is_killed_or_misused_ends_well(tmp_path):
    told = ran(tmp_path, sys.executable, "-c", FEW, str(tmp_path / "workspace"))
    assert told.count("as undisturbed") == 1


def test_damaged_archives_are_refused_or_unpacked():
    outcomes = unpack_archives(200, seed=1)
    assert sum(outcomes.values()) == 200
    assert len({name for name, _ in outcomes}) > 15


@pytest.mark.slow
def test_requests_of_many_clients_are_answered(warm_python):
    command = ("-m", "benchmarks.faults", "requests", "6")
    assert "answered" in ran(ROOT, warm_python, *command)


def test_an_unknown_kind_is_told(tmp_path):
    command = [sys.executable, "-m", "benchmarks.faults", "nothing", "1"]
    failed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "nothing is no kind of faults" in failed.stderr
    assert failed.returncode == 1
