"""A copy of the project without a git repository of its own: DVC runs, and no commit is named."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.whole.project import Project
from tests.whole.servers import environment_of_commands

pytestmark = pytest.mark.slow
DRAWN = """\
defaults:
  - override /data: synthetic
data: {images: 40, image_size: 64, minimum_images: 10}
audit: {overlaps: null}
"""


def dvc(project: Project, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project.python, "-m", "dvc", *command],
        cwd=project.folder,
        env=environment_of_commands() | {"DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("outer", [False, True])
def test_make_repro_runs_in_a_copy_without_git(tmp_path: Path, warm_python: Path, outer: bool):
    project = Project(tmp_path / "outer" / "copy", warm_python)
    project.choose(DRAWN)
    shutil.rmtree(project.folder / ".git")
    if outer:
        subprocess.run(["git", "init", "-q"], cwd=tmp_path / "outer", check=True)
        (tmp_path / "outer/.gitignore").write_text("/copy/\n")
    failed = dvc(project, "repro", "--dry", "fetch")
    assert ("git-ignored" if outer else "is not a git repository") in failed.stderr
    # The last command would train. What comes before it has told DVC that there is no git.
    make = ["make", "--old-file=.venv/.ready", "repro", "EXPERIMENT=nothing"]
    done = subprocess.run(
        make, cwd=project.folder, env=environment_of_commands(), capture_output=True, text=True
    )
    assert "experiment=nothing: there is no such choice" in done.stderr
    assert project.repro("fetch") == {"compose", "fetch"}
    assert project.repro("fetch") == set()
