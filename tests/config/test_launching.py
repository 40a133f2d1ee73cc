"""Jobs that a command runs by Hydra's launchers: their results, their errors, and lost workers."""

import subprocess
import sys
from pathlib import Path

import pytest

from src.config.loader import ROOT
from tests.extras import needs
from tests.whole.servers import environment_of_commands

pytestmark = pytest.mark.slow
# A command whose job says which share it is, or does not come back.
COMMAND = """
import os
from src.config.command import entry_point_of
from src.config.launching import launched
from src.config.tool_schema import Predict
from src.errors import InputError

def job(config):
    if config.shard == 1 and config.input == "dies":
        os._exit(7)
    if config.shard == 1 and config.input == "fails":
        raise InputError("the disk is full")
    return config.shard, config.threads.openvino, config.ahead

@entry_point_of("predict/config", Predict, positional=("input", "output"))
def main(config):
    print(launched(job, Predict, [["shard=0"], ["shard=1"]]))

if __name__ == "__main__":
    main()
"""


def told(folder: Path, *arguments: str) -> tuple[int, str, str]:
    script = folder / "command.py"
    script.write_text(COMMAND)
    ended = subprocess.run(
        [sys.executable, str(script), *arguments, "out", "shards=2", "ahead=3"],
        cwd=folder,
        env=environment_of_commands() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    return ended.returncode, ended.stdout.strip(), ended.stderr.strip()


def test_jobs_have_the_settings_of_the_command(tmp_path):
    assert told(tmp_path, "lives") == (0, "[(0, None, 3), (1, None, 3)]", "")


def test_jobs_run_by_a_launcher(tmp_path):
    needs("hydra_plugins.hydra_joblib_launcher")
    assert told(tmp_path, "lives", "+launcher=joblib")[:2] == (0, "[(0, 1, 3), (1, 1, 3)]")


def test_an_error_of_a_job_is_one_sentence(tmp_path):
    assert told(tmp_path, "fails") == (1, "", "error: the disk is full")


def test_a_lost_worker_is_one_sentence(tmp_path):
    needs("hydra_plugins.hydra_joblib_launcher")
    status, _, said = told(tmp_path, "dies", "+launcher=joblib")
    assert status == 1
    assert said.splitlines()[-1].startswith("error: a worker was lost: ")
    assert "Traceback" not in said
