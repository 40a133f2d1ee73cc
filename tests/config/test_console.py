"""Where a command's output goes: results and errors to the console, the rest to a log file."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from src.config.console import aligned
from src.config.loader import ROOT

DIVERTED = """
import faulthandler, logging, os, sys, warnings
from src.config.console import current_log, divert_noise
divert_noise("trial")
"""
NOISE = """
os.write(2, b"a library in C++\\n")
logging.getLogger("mlflow").info("an MLflow line")
warnings.warn("a warning of a library")
logging.getLogger("src.data").warning("trying again")
print("an error", file=sys.stderr)
print("a result")
"""


def ran(folder: Path, code: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", DIVERTED + code]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
    # Decoded here, as subprocess would turn the returns of progress bars into new lines.
    told = (ended.stdout.decode(), ended.stderr.decode())
    return subprocess.CompletedProcess(command, ended.returncode, *told)


def log_of(folder: Path) -> str:
    (log,) = (folder / "outputs/logs").iterdir()
    assert re.fullmatch(r"trial-\d{8}-\d{6}-\d+\.log", log.name)
    return log.read_text()


def test_libraries_talk_to_the_log_and_the_program_to_the_console(tmp_path):
    done = ran(tmp_path, NOISE)
    assert (done.stdout, done.stderr) == ("a result\n", "trying again\nan error\n")
    log = log_of(tmp_path)
    for line in ("a library in C++", "INFO mlflow: an MLflow line", "a warning of a library"):
        assert line in log


@pytest.mark.slow
def test_each_job_of_a_process_has_a_log_of_its_own(tmp_path):
    code = "first = current_log()\ntime.sleep(1)\ndivert_noise('trial')\n"
    done = ran(tmp_path, f"import time\n{code}os.write(2, b'x')\nprint(first, current_log())")
    first, second = done.stdout.split()
    # The first one stayed empty, so it is gone.
    assert not (tmp_path / first).exists()
    assert (tmp_path / second).read_text() == "x"


@pytest.mark.parametrize(("delay", "shown"), [("0", "packaging\n"), ("60", "")])
def test_a_step_is_announced_if_it_takes_longer_than_progress_lines_wait(delay, shown, tmp_path):
    code = """
import time
from src.config.console import announced
with announced("packaging"):
    time.sleep(1)
"""
    assert ran(tmp_path, f"os.environ['TQDM_DELAY'] = '{delay}'{code}").stderr == shown


def test_a_traceback_reaches_the_console(tmp_path):
    done = ran(tmp_path, "raise RuntimeError('a fault')")
    assert done.returncode == 1
    assert done.stderr.endswith("RuntimeError: a fault\n")
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("crash", ["os.abort()", "faulthandler._sigsegv()"])
def test_a_crash_of_a_library_shows_where_python_was(tmp_path, crash):
    done = ran(tmp_path, f"def working():\n    {crash}\nworking()")
    assert done.returncode < 0
    assert "Fatal Python error" in done.stderr
    assert "in working" in done.stderr


def test_children_write_to_the_log_and_their_errors_can_be_shown(tmp_path):
    ran(tmp_path, "import subprocess\nsubprocess.run(['sh', '-c', 'echo a child >&2'])")
    assert log_of(tmp_path) == "a child\n"


def test_a_program_that_takes_the_place_writes_to_the_console(tmp_path):
    code = "from src.config.console import give_back_descriptor_2\ngive_back_descriptor_2()\n"
    done = ran(tmp_path, code + "os.execvp('sh', ['sh', '-c', 'echo a server >&2'])")
    assert done.stderr == "a server\n"


def test_a_folder_that_takes_no_log_changes_nothing(tmp_path):
    (tmp_path / "outputs").write_text("a file")
    done = ran(tmp_path, "print(current_log())\nos.write(2, b'a library')")
    assert (done.stdout, done.stderr) == ("None\n", "a library")


@pytest.mark.slow
def test_progress_in_a_file_is_one_line_of_a_long_step_and_none_of_a_short_one(tmp_path):
    code = "from src.config.console import set_up_libraries\nset_up_libraries()\nimport time\n"
    loop = "from tqdm import tqdm\nfor _ in tqdm(range(4), 'reading'): time.sleep(0.1)"
    assert ran(tmp_path, code + loop).stderr == ""
    hurry = "os.environ['TQDM_DELAY'] = '0'\nos.environ['TQDM_MININTERVAL'] = '0.1'\n"
    told = ran(tmp_path, code + hurry + loop).stderr
    assert told.count("\n") == 1
    assert re.search(r"reading: 4 of 4 after 00:00, 00:00 left\n$", told)


def test_rows_are_aligned():
    assert aligned([("run", "1"), ("page", "http://x")]) == "run   1\npage  http://x"


def test_the_log_has_no_passwords(tmp_path):
    ran(tmp_path, 'logging.getLogger("httpx").info("GET %s", "http://user:s3cret@host/a")')
    assert "GET http://host/a" in log_of(tmp_path)
