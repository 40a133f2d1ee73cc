"""A run is tagged with the commit of this project, and of no other."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(
        ["git", *author, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def tags_in(project: Path) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", "from src.tracking.git_tags import git_tags; print(git_tags())"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project)},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, str] = ast.literal_eval(done.stdout)
    return found


def commit(folder: Path) -> str:
    git(folder, "init")
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "all")
    return git(folder, "rev-parse", "HEAD")


@pytest.mark.slow
def test_a_copy_has_its_own_commit_or_none(tmp_path: Path) -> None:
    project = tmp_path / "outer" / "project"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", project / "src", ignore=ignored)
    (project / ".gitignore").write_text("__pycache__\n")
    commit(tmp_path / "outer")
    assert tags_in(project) == {}
    own = commit(project)
    assert tags_in(project) == {"git.commit": own, "git.dirty": "False"}
