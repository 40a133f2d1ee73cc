"""A clone of this project that tests run commands in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from src.config.loader import CONF
from src.model.weights import weights_sha256
from tests.samples import small_backbone

ROOT = CONF.parent
STAGES = ("compose", "fetch", "audit", "split", "embed", "train", "evaluate")


class Project:
    """A copy of this project's files, committed to a git repository of its own."""

    def __init__(self, folder: Path, python: Path) -> None:
        """Copy the files to `folder`. Its commands are run by `python`."""
        self.folder, self.python = folder, python
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        (folder / "dvc.lock").unlink(missing_ok=True)
        self.git("init", "-q")
        self.git("config", "user.name", "Tester")
        self.git("config", "user.email", "tester@example.org")
        self.commit()

    def git(self, *arguments: str) -> str:
        """Run git in the project; its output."""
        ended = subprocess.run(
            ["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return ended.stdout

    def commit(self) -> None:
        """Commit everything that git does not ignore."""
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", "As it is")

    def choose(self, experiment: str) -> None:
        """Let `dvc repro` run an experiment of this text, as one who edits conf/ does."""
        (self.folder / "conf/experiment/chosen.yaml").write_text(
            f"# @package _global_\n{experiment}"
        )
        self.edit("conf/pipeline.yaml", "experiment: published", "experiment: chosen")

    def run(self, *command: str) -> str:
        """Run a module of the environment in the project; its output."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
        paths = [str(self.python.parent), str(Path(sys.executable).parent), environment["PATH"]]
        environment["PATH"] = os.pathsep.join(paths)
        # As on any machine: compiled code lands beside the sources.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["DVC_NO_ANALYTICS"] = "1"
        ended = subprocess.run(
            [self.python, "-m", *command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def repro(self, *targets: str) -> set[str]:
        """`dvc repro`; the stages it ran."""
        return self.stages_of("repro", *targets)

    def stages_of(self, *command: str) -> set[str]:
        """The stages that a command of DVC runs."""
        return stages_run(self.run("dvc", *command))

    def edit(self, name: str, before: str, after: str) -> None:
        path = self.folder / name
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))


def stages_run(output: str) -> set[str]:
    """The stages that ran, by what DVC printed."""
    return {
        stage for stage in STAGES if f"Running stage '{stage}'" in output or f":{stage}':" in output
    }


def small_weights(folder: Path) -> dict[str, str]:
    """Random weights of a small backbone in place of ImageNet's: their path and checksum."""
    path, backbone = folder / "small.weights.h5", small_backbone()
    backbone.save_weights(path)
    return {"path": str(path), "sha256": weights_sha256(backbone)}
