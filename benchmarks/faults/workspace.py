"""A small workspace in which commands are killed and files are damaged, again and again."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf
from PIL import Image

from benchmarks.faults import forked
from benchmarks.faults.forked import Ended
from src.config.loader import ROOT
from src.data.drawn.photograph import draw_photograph

# The settings of a training that takes seconds.
TINY = (
    *("~local", "data.images=40", "data.image_size=96", "data.minimum_images=10"),
    *("data.dir=images", "workspace=stages", "reports=stages/reports", "train.output=stages"),
    *("train.epochs=1", "features.views=1", "features.dir=bank", "evaluate.resamples=100"),
    "tracking.prediction_grid=4",
)
WEIGHTS = """
import json, sys
from pathlib import Path
from tests.whole.project import small_weights
print(json.dumps(small_weights(Path(sys.argv[1]))))
"""
MODEL = "model=stages/model.keras"
Result = dict[str, object]


class Workspace:
    """A folder in which commands run, and copies of it to go back to.

    Attributes:
        root: the folder of all of this.
        folder: the folder in which commands run.
        settings: what is given to all commands of training.
        runs: ids of the two runs of the state "trained".
    """

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "work"
        self.folder.mkdir(parents=True)
        self.temporary = root / "tmp"
        weights = small_weights_in(self.folder)
        self.settings = (*TINY, *(f"model.imagenet.{key}={v}" for key, v in weights.items()))
        self.runs: list[str] = []
        self.save("empty")

    def train(self) -> None:
        """Make the state "trained": two runs, a split, photos and what was found on them."""
        # The second one stays in the folder, and commands that read a run read the first.
        for command in (
            ("src.train", *self.settings, "train.seed=1"),
            ("src.split", *self.settings),
            ("src.train", *self.settings, "train.seed=2", "split.manifest=stages/split.csv"),
        ):
            self.must(*command)
        self.runs = [run for run, _ in self.finished_runs()]
        photos = self.folder / "photos"
        photos.mkdir()
        for number in range(3):
            pixels = draw_photograph(np.random.default_rng(number), 250, 300, cracked=True).pixels
            Image.fromarray(pixels).save(photos / f"{number}.jpg")
        self.must("src.predict", "photos", "found", MODEL)
        self.save("trained")

    def add_project(self) -> None:
        """Make the state "project": a copy of the project with a small experiment, without git."""
        self.restore("empty")
        ignored = shutil.ignore_patterns("__pycache__", "default.yaml")
        for name in ("src", "conf"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=ignored)
        (self.folder / ".dvc").mkdir()
        for name in ("dvc.yaml", ".dvc/config"):
            shutil.copy(ROOT / name, self.folder / name)
        (self.folder / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
        # The pipeline names its own folders.
        ours = [one for one in self.settings if "stages" not in one and one != "~local"]
        text = f"# @package _global_\n{OmegaConf.to_yaml(OmegaConf.from_dotlist(ours))}"
        (self.folder / "conf/experiment/tiny.yaml").write_text(text)
        pipeline = self.folder / "conf/pipeline.yaml"
        chosen = pipeline.read_text().replace("experiment: published", "experiment: tiny")
        pipeline.write_text(chosen)
        self.save("project")

    def save(self, state: str) -> None:
        """Keep a copy of the folder."""
        shutil.copytree(self.folder, self.root / state, symlinks=True)

    def restore(self, state: str) -> None:
        """Make the folder as it was when the state was saved."""
        for folder in (self.folder, self.temporary):
            shutil.rmtree(folder, ignore_errors=True)
        self.temporary.mkdir()
        shutil.copytree(self.root / state, self.folder, symlinks=True)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the commands."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {
            **{"TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT), "PATH": path},
            "DVC_NO_ANALYTICS": "1",
        }

    def run(self, *command: str) -> Ended:
        """Run a command in the folder."""
        self.temporary.mkdir(exist_ok=True)
        return forked.run(command, self.folder, self.environment)

    def must(self, *command: str) -> Ended:
        """Run a command that has to succeed.

        Raises:
            RuntimeError: it has not.
        """
        ended = self.run(*command)
        if ended.status:
            raise RuntimeError(f"{' '.join(command)}: {ended.output}{ended.errors}")
        return ended

    def asked(self, question: str, *values: str) -> list[tuple[str, ...]]:
        """Ask MLflow's database by SQL. Without a database the answer is empty."""
        file = self.folder / "mlruns" / "mlflow.db"
        if not file.exists():
            return []
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            return list(connection.execute(question, values))
        finally:
            connection.close()

    def finished_runs(self) -> list[tuple[str, str]]:
        """Return the ids and names of the finished runs, the earliest first."""
        question = "SELECT run_uuid, name FROM runs WHERE status = 'FINISHED' ORDER BY start_time"
        return [(run, name) for run, name in self.asked(question)]

    def artifacts(self, run: str) -> Path:
        """Return the folder of a run's artifacts."""
        return self.folder / "mlruns" / "artifacts" / run / "artifacts"

    def temporary_files(self) -> set[str]:
        """Return the files and folders that lie in the commands' folder for temporary files."""
        return {str(path) for path in self.temporary.iterdir()}

    def left_behind(self) -> list[str]:
        """Return what should not be there any more when a command has ended well."""
        # Libraries give their files other names; a process that is killed leaves them.
        temporary = [str(path) for path in self.temporary.glob("crack-*")]
        parts = [str(path) for path in self.folder.rglob(".*") if path.suffix == ".part"]
        staging = [str(path) for path in self.folder.rglob(".*.staging")]
        open_runs = self.asked("SELECT run_uuid FROM runs WHERE status = 'RUNNING'")
        pending = self.asked("SELECT model_id FROM logged_models WHERE status = 1")
        return temporary + parts + staging + [str(row) for row in open_runs + pending]


def small_weights_in(folder: Path) -> dict[str, str]:
    """Write random weights of a small backbone; their path and checksum are settings."""
    command = [sys.executable, "-c", WEIGHTS, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(made.stdout.splitlines()[-1])
    return {"path": "small.weights.h5", "sha256": found["sha256"]}


def trained_workspace(root: Path) -> Workspace:
    """Make a workspace in a new folder, with the states "empty", "project" and "trained"."""
    forked.import_libraries()
    workspace = Workspace(root)
    workspace.add_project()
    workspace.restore("empty")
    workspace.train()
    return workspace


def contents(folder: Path, *patterns: str) -> Result:
    """Return the SHA-256 (hex) of the files in a folder that fit one of the patterns, by name."""
    files = sorted({file for pattern in patterns for file in folder.glob(pattern)})
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file()
    }
