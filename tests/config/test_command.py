"""Commands end with a message, and no traceback, where their settings are wrong."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from src.config.command import next_command
from src.config.loader import ROOT
from tests.whole.servers import environment_of_commands


def environment() -> dict[str, str]:
    """Environment in which a command runs in any folder, and tracks its runs there."""
    return environment_of_commands() | {"PYTHONPATH": str(ROOT)}


# One interpreter runs many commands, each as `python -m` would: Hydra takes seconds to import, and
# closes what pytest captures output in.
RUN_COMMANDS = """
import contextlib, io, json, os, runpy, sys
answers = sys.stdout
for line in sys.stdin:
    folder, module, arguments = json.loads(line)
    os.chdir(folder)
    # `python -m` puts the module's file there.
    sys.argv = [module.replace(".", "/") + ".py", *arguments]
    told, shown, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(shown):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as exit:
            code = exit.code
    print(json.dumps([code, told.getvalue(), shown.getvalue()]), file=answers, flush=True)
"""


@pytest.fixture(scope="module")
def commands():
    with subprocess.Popen(
        [sys.executable, "-c", RUN_COMMANDS],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.stdin.close()


def answer(commands, folder: Path, module: str, *arguments: str) -> tuple[object, str, str]:
    """The exit status, error output and output of a command that runs in a folder."""
    commands.stdin.write(json.dumps([str(folder), module, arguments]) + "\n")
    commands.stdin.flush()
    code, told, shown = json.loads(commands.stdout.readline())
    return code, told, shown


@pytest.fixture
def ended(tmp_path, commands):
    """Function that runs a command like `python -m` and returns its message for exit status 1."""

    def run(module: str, *arguments: str) -> str:
        code, told, _ = answer(commands, tmp_path, module, *arguments)
        if isinstance(code, str):
            return code
        assert code == 1
        return told

    return run


@pytest.mark.slow
def test_a_process_fails_with_the_message_and_no_traceback(tmp_path):
    command = [sys.executable, "-m", "src.train", "model.dropout=2"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.returncode == 1
    assert "model.dropout: should be less than 1 (it is 2)" in done.stderr
    assert "Traceback" not in done.stderr


SLOW = pytest.mark.slow
IMPORTING_KERAS = {"train model.frozen_layers=200"}
# Misspelt or misused command lines, and what each says.
MISUSED = [
    (
        "train model.dropuot=0.3",
        "model.dropuot: there is no such setting; did you mean model.dropout?",
    ),
    (
        "train model.frozen=3",
        "model.frozen: there is no such setting; did you mean model.frozen_la",
    ),
    ("train dropout=0.3", "dropout: there is no such setting; did you mean model.dropout?"),
    ("train +model.dropuot=0.3", "there is no such setting; did you mean model.dropout?"),
    ("train +model.dropout=0.3", "the setting exists, so write it without a plus: model.dropout=…"),
    ("train zzz.qqq=1", "zzz.qqq: there is no such setting; --help says where they are listed"),
    (
        "train data=mendely",
        "data=mendely: there is no such choice; did you mean mendeley? There are: ",
    ),
    (
        "train experiment=bets",
        "experiment=bets: there is no such choice; did you mean best? There ar",
    ),
    (
        "train -m +sweep=drop",
        "sweep=drop: there is no such choice; did you mean dropout? There are: ",
    ),
    ("train data.images=9 -m model.dropout=high,1", "model.dropout: should be a valid number"),
    (
        "train model.dropout=0.1,0.2",
        "model.dropout=0.1,0.2: one value is needed here. A decimal nu",
    ),
    ("predict input=a,b output=c", "input=a,b: one value is needed here"),
    ("repro experiment=demo,best", "experiment=demo,best: one value is needed here"),
    ("repro demo", "demo: a setting is written NAME=VALUE"),
    ("repro --force", "--force: there is no such option; a setting is written NAME=VALUE"),
    ("train --epochs=5", "--epochs=5: there is no such option; a setting is written NAME=VALUE"),
    ("predict -o found photos", "-o: there is no such option"),
    ("train train.learning_rate=1e-3,", "the value ends too early; if it is text, quote it"),
    ("promote abcdef margin=0.1,", "margin=0.1,: the value ends too early; if it is text, quote"),
    ("train model.dropout==0.3", "model.dropout==0.3: extraneous input '='; if it is text, quote"),
    ("train experiment=conf/a.yaml", "experiment=conf/a.yaml: there is no such choice; there are"),
    ("train -m sweep=dropout", "a named sweep is added with a plus: python -m src.train -m +sweep"),
    ("train hydra/launcher=no", "hydra/launcher=no: there is no such choice; there are: basic"),
    ("evaluate", "no such predictions; evaluate.run=RUN evaluates a tracked run"),
    ("train tracking.parent_run=abc", "start the sweep again by the same name (+sweep=…"),
    ("serve a=1 --config-dir=none model=http://user:s3cret@h", "config directory '"),
    ("train seed=-1", "configuration:\n  seed: should be greater than or equal to 0 (it is -1)"),
    ("train --config-name=best", "--config-name: conf/ has no best.yaml; a named recipe is exper"),
    ("train -m seed=3", "-m: no setting has several values; name some"),
    ("train -m model.dropout=interval(0.1,0.3)", "only a search draws from an interval; +sweep="),
    ("train -m model.frozn=1,2", "model.frozn: there is no such setting; did you mean"),
    ("train data=local", "this needs data.path=…; --help shows examples"),
    ("train model.frozen_layers=200", "mobilenet_v2 has 154 layers: give a number from 0 to 154"),
    ("train model.dropout=high", "model.dropout: should be a valid number (it is 'high')"),
    (
        "train split=overlap audit.overlaps=null",
        "split=overlap needs the overlaps that audit.overl",
    ),
    (
        "train photos/",
        "photos/: a setting is written NAME=VALUE, such as seed=1; --help shows examples",
    ),
    ("train model=1", "a group of settings takes the name of one of its files (model=mobilenet_v2"),
    ("split =1", "a group of settings takes the name of one of its files"),
    ("fetch tracking=[1]", "a group of settings takes the name of one of its files"),
    ("split ~tracking=[1]", "a group of settings takes the name of one of its files"),
    (
        "train model={dropuot:0.3}",
        "model.dropuot: there is no such setting; did you mean model.dro",
    ),
    ("fetch +data=[true]", "a group of settings takes the name of one of its files"),
    ("audit --resolve", "The --resolve flag can only be used in conjunction with --cfg or --help"),
    ("ui model=http://user:s3cret@127.0.0.1:9", "there is no such choice; there are: convnext"),
    ("fetch -m split.test=http://user:s3cret@127.0.0.1", "split.test: should be a valid number"),
    ("train data.path=x", "data.path: this is a setting of data=local or data=photos or data=corr"),
    ("split split.source=x", "split.source: this is a setting of split=held_out, which is not ch"),
    ("fetch data=robust", "configuration:\n  this needs elsewhere=…; --help shows examples"),
    ("train +sweep=dropout", "+sweep=dropout needs -m: python -m src.train -m +sweep=dropout …"),
    ("train decision.threshold=cheap", "decision.threshold: should be"),
    ("fetch data.dir=.", "data.dir=. has no name: choose a folder for the images alone"),
    ("fetch data=local data.path=x data.classes=[a,a]", "should be names of different folders"),
    ("ui tracking.ui=http://127.0.0.1:99999", "has a port that is no number up to 65535"),
    ("compare a b tracking.uri=mysql+pymysql://u:p/w@h/x", "mysql+pymysql://h/x needs the pack"),
    ("promote abc corrections=${seed}", "configuration: Interpolation key 'seed' not found"),
    ("predict", "this needs input=… and output=…; --help shows examples"),
    ("predict photos/", "this needs output=…; --help shows examples"),
    ("predict gone/ found", "gone: no such file or folder"),
    ("predict a b c", "c: a setting is written NAME=VALUE, such as seed=1; --help shows examples"),
    ("predict input=x output=y model=gone.keras", "x: no such file or folder"),
    (
        "export model=gone.keras format=onx",
        "format: should be 'all', 'keras', 'litert', 'onnx' or 'openvino' (it is 'onx')",
    ),
    (
        "repro experiment=demoo",
        "experiment=demoo: there is no such choice; did you mean demo? There a",
    ),
    (
        "banks experiment=nothing",
        "experiment=nothing: there is no such choice; there are: best, demo",
    ),
    ("compare a b tracking.uri=localhost:5000", "an address is http://HOST:PORT, or sqlite:///FI"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "says"),
    [pytest.param(*one, id=one[0], marks=[SLOW] * (one[0] in IMPORTING_KERAS)) for one in MISUSED],
)
def test_a_misused_command_says_what_to_do_instead(ended, line, says):
    command, *arguments = line.split()
    told = ended(f"src.{command}", *arguments)
    assert told.startswith("error: ")
    assert says in told
    assert "Traceback" not in told
    assert "s3cret" not in told


@pytest.mark.parametrize(
    "option", ["--cfg all", "--cfg=job", "-c hydra", "--info config", "-i all"]
)
def test_settings_are_shown_without_passwords(commands, option, tmp_path):
    given = [*option.split(), "tracking.uri=http://user:s3cret@127.0.0.1:9"]
    code, told, shown = answer(commands, tmp_path, "src.train", *given)
    assert code == 0, told
    assert "http://127.0.0.1:9" in shown
    assert "s3cret" not in shown + told


def test_the_next_command_has_the_same_server_without_its_password(monkeypatch):
    given = ["tracking.uri=http://me:s3cret@host:5000", "++tracking.experiment=my walls", "seed=1"]
    monkeypatch.setattr(sys, "argv", ["train", *given])
    assert next_command("compare", "a", "b") == (
        "python -m src.compare a b tracking.uri=http://host:5000 '++tracking.experiment=my walls'"
    )


COMMANDS = sorted(
    path.stem for path in Path(ROOT, "src").glob("*.py") if path.stem not in ("__init__", "errors")
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_about_the_command_with_an_example_and_short(commands, command, tmp_path):
    code, told, shown = answer(commands, tmp_path, f"src.{command}", "--help")
    assert (code, told) == (0, "")
    about = (
        ast.get_docstring(ast.parse(Path(ROOT, f"src/{command}.py").read_text())) or ""
    ).strip()
    assert shown.startswith(about)
    assert f"python -m src.{command}" in shown
    assert len(shown.splitlines()) < 40


@pytest.mark.parametrize("command", COMMANDS)
def test_outside_the_environment_a_command_says_how_to_enter_it(command):
    # Python without the packages that are installed beside it.
    bare = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
            f"import runpy; runpy.run_module('src.{command}', run_name='__main__')",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert bare.returncode == 1
    assert "run `. .venv/bin/activate` first" in bare.stderr
    assert "Traceback" not in bare.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "quoted"),
    [
        ("input=Brücke.jpg", "'input=\"Brücke.jpg\"'"),
        ("input=a&b.jpg", "'input=\"a&b.jpg\"'"),
        ("input=[a", "if it is text, quote it: 'input=\"[a\"'"),
    ],
)
def test_names_that_hydra_cannot_read_are_told_how_to_be_quoted(ended, given, quoted):
    assert quoted in ended("src.predict", given, "output=found")
    name = given.removeprefix("input=")
    for words in ([f'input="{name}"', "output=found"], [name, "found"]):
        assert f"{name}: no such file or folder" in ended("src.predict", *words)


@pytest.mark.slow
def test_validation_does_not_wait_for_tensorflow():
    code = "import sys, src.train; sys.exit('tensorflow' in sys.modules or 'mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.slow
def test_photos_that_were_done_before_wait_for_no_library_that_they_do_not_need():
    costly = {"tensorflow", "keras", "sklearn", "scipy.stats", "scipy.optimize", "matplotlib"}
    code = f"import sys, src.photos.inspection; print(sorted({costly} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
