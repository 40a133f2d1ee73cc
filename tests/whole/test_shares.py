"""`src.predict shards=N` by the launchers: one command, one report, and nothing done twice."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from src.config.loader import ROOT
from src.data.drawn.photograph import draw_photograph
from tests.extras import needs
from tests.whole.servers import environment_of_commands

pytestmark = pytest.mark.slow
LAUNCHERS = {
    "joblib": ("hydra_joblib_launcher", ["+launcher=joblib"]),
    "ray": ("hydra_ray_launcher", ["+launcher=ray"]),
    # What launcher=slurm does, without SLURM.
    "submitit": (
        "hydra_submitit_launcher",
        ["hydra/launcher=submitit_local", "hydra.launcher.submitit_folder=submitit/%j"],
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory, classifier_of) -> Path:
    """A folder with photos, one of them broken, and a model."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "photos").mkdir()
    for seed in range(5):
        drawn = draw_photograph(np.random.default_rng(seed), 120, 160, cracked=seed == 1)
        Image.fromarray(drawn.pixels).save(folder / "photos" / f"{seed}.jpg")
    (folder / "photos" / "broken.jpg").write_bytes(b"no photo")
    classifier_of(150).save(folder / "model.keras")
    return folder


def predict(
    python: Path, folder: Path, output: str, *settings: str
) -> subprocess.CompletedProcess[str]:
    arguments = ["photos", output, "model=model.keras", "engine.precision=f32", *settings]
    return subprocess.run(
        [python, "-m", "src.predict", *arguments],
        cwd=folder,
        env=environment_of_commands() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_shares_by_a_launcher_make_one_report(project, warm_python, launcher):
    module, chosen = LAUNCHERS[launcher]
    needs(f"hydra_plugins.{module}")
    ended = predict(warm_python, project, launcher, "shards=2", *chosen)
    assert ended.returncode == 3, ended.stderr
    assert "of 5 (0 of them done before), 1 unreadable" in ended.stdout
    table = pd.read_csv(project / launcher / "photos.csv")
    assert len(table) == 6
    assert (project / launcher / "report.html").is_file()
    # What one worker had not done is done by the next start, here without workers.
    shutil.copytree(project / launcher, project / f"{launcher}-again")
    next((project / f"{launcher}-again" / ".records").glob("*.json")).unlink()
    again = predict(warm_python, project, f"{launcher}-again")
    assert "of 5 (4 of them done before), 1 unreadable" in again.stdout
