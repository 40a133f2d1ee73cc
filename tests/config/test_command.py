"""Commands end with a message, and no traceback, where their settings are wrong."""

import json
import os
import subprocess
import sys

import pytest

from src.config.loader import ROOT


def started(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


# One interpreter runs many commands, each as `python -m` would: Hydra takes seconds to import, and
# closes what pytest captures output in.
RUN_COMMANDS = """
import contextlib, io, json, os, runpy, sys
answers = sys.stdout
for line in sys.stdin:
    folder, module, arguments = json.loads(line)
    os.chdir(folder)
    sys.argv, told, code = [module, *arguments], io.StringIO(), 0
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        try:
            runpy.run_module(module, run_name="__main__")
        except SystemExit as exit:
            code = exit.code
    print(json.dumps([code, told.getvalue()]), file=answers, flush=True)
"""


@pytest.fixture(scope="module")
def commands():
    with subprocess.Popen(
        [sys.executable, "-c", RUN_COMMANDS],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def ended(tmp_path, commands):
    """Function that runs a command like `python -m` and returns its message for exit status 1."""

    def run(module: str, *arguments: str) -> str:
        commands.stdin.write(json.dumps([str(tmp_path), module, arguments]) + "\n")
        commands.stdin.flush()
        code, told = json.loads(commands.stdout.readline())
        if isinstance(code, str):
            return code
        assert code == 1
        return told

    return run


@pytest.mark.slow
def test_a_process_fails_with_the_message_and_no_traceback():
    done = started("src.train", "model.frozen_layers=200")
    assert done.returncode == 1
    assert "mobilenet_v2 has 154 layers: give a number from 0 to 154" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_key_fails_naming_it(ended):
    told = ended("src.train", "model.frozen=3")
    assert "Could not override 'model.frozen'" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("given", "quoted"),
    [
        ("input=Brücke.jpg", "'input=\"Brücke.jpg\"'"),
        ("input=a&b.jpg", "'input=\"a&b.jpg\"'"),
        ("input=[a", "if it is text, quote it: 'input=\"[a\"'"),
        ("input=2024", "if it is text, quote it: 'input=\"…\"'"),
    ],
)
def test_names_that_hydra_cannot_read_are_told_how_to_be_quoted(ended, given, quoted):
    assert quoted in ended("src.predict", given, "output=found")
    name = given.removeprefix("input=")
    assert f"{name}: no such file or folder" in ended(
        "src.predict", f'input="{name}"', "output=found"
    )


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["model.frozn=1,2"], "model.frozn"),
        (["+sweep=folds", "experiment=published"], "split.fold"),
    ],
)
def test_unknown_key_of_a_sweep_fails_naming_it(ended, overrides, key):
    told = ended("src.train", "-m", *overrides)
    assert told.startswith(f"error: configuration: Could not override '{key}'")
    assert "Traceback" not in told


@pytest.mark.slow
def test_validation_does_not_wait_for_tensorflow():
    code = "import sys, src.train; sys.exit('tensorflow' in sys.modules or 'mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
