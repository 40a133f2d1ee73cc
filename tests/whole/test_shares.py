"""`src.predict shards=N` by a launcher: one command, one report, and nothing done twice."""

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


def test_shares_by_a_launcher_make_one_report(project, warm_python):
    # The jobs of the other launchers run in tests/whole/test_launchers.py.
    needs("hydra_plugins.hydra_joblib_launcher")
    ended = predict(warm_python, project, "found", "shards=2", "+launcher=joblib")
    assert ended.returncode == 3, ended.stderr
    assert "of 5 (0 of them done before), 1 unreadable" in ended.stdout
    table = pd.read_csv(project / "found" / "photos.csv")
    assert len(table) == 6
    assert (project / "found" / "report.html").is_file()
    # What one worker had not done is done by the next start, here without workers.
    next((project / "found" / ".records").glob("*.json")).unlink()
    again = predict(warm_python, project, "found")
    assert "of 5 (4 of them done before), 1 unreadable" in again.stdout
