"""Code is identified by the statements that a module runs, its imports' included."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from src.config import code_closure
from src.config.code_closure import code_fingerprint, imported_modules, statements
from src.config.loader import ROOT

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Iterator[Path]:
    """A project whose `src.entry` runs `src.room.near`, `src.room.far` and `src.late`."""
    files = {
        "__init__.py": "",
        "entry.py": (
            "from typing import TYPE_CHECKING\n"
            "from src.room import near\n"
            "if TYPE_CHECKING:\n    import src.types\n"
            "def run():\n    import src.late\n    return near.f()\n"
        ),
        "late.py": "LATE = 1\n",
        "types.py": "KIND = int\n",
        "unused.py": "UNUSED = 1\n",
        "room/__init__.py": "",
        "room/near.py": "from src.room.far import G\ndef f():\n    return G\n",
        "room/far.py": "import os\nimport numpy as np\nG = 1\n",
    }
    for name, text in files.items():
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(code_closure, "SRC", tmp_path / "src")
    forget()
    yield tmp_path / "src"
    forget()


def forget() -> None:
    """A process reads each file once."""
    code_closure.imports_and_statements.cache_clear()


def test_the_modules_that_run_are_found_and_no_others(project):
    assert imported_modules("src.entry") == [
        "src",
        "src.entry",
        "src.late",
        "src.room",
        "src.room.far",
        "src.room.near",
    ]


@pytest.mark.parametrize(
    "module",
    ["__init__.py", "entry.py", "late.py", "room/__init__.py", "room/near.py", "room/far.py"],
)
def test_a_statement_in_any_module_that_runs_counts(project, module):
    before = code_fingerprint("src.entry")
    with (project / module).open("a", encoding="utf-8") as file:
        file.write("ADDED = 1\n")
    forget()
    assert code_fingerprint("src.entry") != before


@pytest.mark.parametrize("module", ["unused.py", "types.py"])
def test_a_statement_in_another_module_does_not(project, module):
    before = code_fingerprint("src.entry")
    (project / module).write_text("ANOTHER = 2\n", encoding="utf-8")
    forget()
    assert code_fingerprint("src.entry") == before


@pytest.mark.parametrize("module", ["entry.py", "late.py", "room/__init__.py", "room/near.py"])
def test_comments_docstrings_and_blank_lines_do_not(project, module):
    before = code_fingerprint("src.entry")
    text = (project / module).read_text(encoding="utf-8")
    text = text.replace("():\n", '():  # why\n    """Änderung."""\n\n    # so\n')
    (project / module).write_text(f'"""A docstring."""\n\n\n{text}\n# the end ü\n', "utf-8")
    forget()
    assert code_fingerprint("src.entry") == before


def test_the_name_of_a_module_counts(project):
    before = code_fingerprint("src.late")
    (project / "late.py").rename(project / "later.py")
    forget()
    assert code_fingerprint("src.later") != before


def test_statements_are_the_source_without_the_rest():
    """Of f-strings, nested quotes, decorators, umlauts and what else could be cut wrongly."""
    expected = (GOLDEN / "statements.txt").read_text(encoding="utf-8")
    assert statements(GOLDEN / "source.txt") == expected.removesuffix("\n")


def interpreters() -> list[str]:
    """This one, and the others of pyproject.toml that are on the PATH or in pyenv."""
    found = [sys.executable]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in ("3.11", "3.12", "3.13"):
        found += map(str, pyenv.glob(f"versions/{version}.*/bin/python"))
        on_path = which(f"python{version}")
        # A shim of pyenv may stand for a version that is not there.
        if on_path and "shims" not in Path(on_path).parts:
            found.append(on_path)
    return list({str(Path(python).resolve()): python for python in found}.values())


@pytest.mark.slow
@pytest.mark.parametrize("python", interpreters())
def test_every_version_of_python_gives_the_same_in_every_locale(python):
    source = GOLDEN / "source.txt"
    program = (
        "import sys; from pathlib import Path\n"
        "from src.config.code_closure import code_fingerprint, statements\n"
        "print(code_fingerprint('src.train'), statements(Path(sys.argv[1])).encode().hex())"
    )
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [python, "-c", program, source],
        cwd=ROOT,
        env=os.environ | ascii_only,
        capture_output=True,
        text=True,
    )
    expected = [code_fingerprint("src.train"), statements(source).encode().hex()]
    assert done.stdout.split() == expected, done.stderr
