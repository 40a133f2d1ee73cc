"""A clone of this project that tests run commands in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from src.config.loader import CONF

ROOT = CONF.parent
STAGES = ("compose", "fetch", "audit", "split", "embed", "train", "evaluate")


class Project:
    """A copy of this project's tracked files, without its history, as a DVC repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
        for command in (["init", "-q"], ["add", "-A"]):
            subprocess.run(["git", *command], cwd=folder, check=True)

    def run(self, *command: str) -> str:
        """Run a module of the environment in the project; its output."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        # As on any machine: compiled code lands beside the sources.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["DVC_NO_ANALYTICS"] = "1"
        ended = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def repro(self, *targets: str) -> set[str]:
        """`dvc repro`; the stages it ran."""
        output = self.run("dvc", "repro", *targets)
        return {stage for stage in STAGES if f"Running stage '{stage}'" in output}

    def edit(self, name: str, before: str, after: str) -> None:
        path = self.folder / name
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))
