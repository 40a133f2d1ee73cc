"""Measure how long commands take before they do their work.

python -m benchmarks.startup MODEL.keras [PROJECT]    PROJECT: another copy of this repository

Each command runs three times. The table shows the least processor time: a busy machine changes it
less than the time on the clock. Photos are drawn. The first run over them is not counted.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from src.config.loader import ROOT
from src.data.drawn.photograph import draw_photograph

ROUNDS, PHOTOS = 3, 8


def main(model: str, project: str = str(ROOT)) -> None:
    with tempfile.TemporaryDirectory() as folder:
        photos, found = Path(folder, "photos"), Path(folder, "found")
        photos.mkdir()
        for number in range(PHOTOS):
            drawn = draw_photograph(np.random.default_rng(number), 600, 900, cracked=True)
            Image.fromarray(drawn.pixels).save(photos / f"{number}.jpg")
        predict = ["-m", "src.predict", f"input={photos}", f"output={found}", f"model={model}"]
        run(predict, project)
        commands = {
            "src.train --help": ["-m", "src.train", "--help"],
            "src.train with a wrong setting": ["-m", "src.train", "model.dropout=2"],
            "the imports of src.train": ["-c", "import src.train, src.pipeline.tracked_run"],
            "src.predict, eight photos done before": predict,
        }
        rows = [
            {"command": name, "seconds": min(run(command, project) for _ in range(ROUNDS))}
            for name, command in commands.items()
        ]
    print(pd.DataFrame(rows).to_markdown(index=False, floatfmt=".1f"))


def run(command: list[str], project: str) -> float:
    """Run Python in a project, and return the processor time (user and system) in seconds."""
    before = sum(os.times()[2:4])
    environment = os.environ | {"PYTHONPATH": project}
    subprocess.run([sys.executable, *command], cwd=project, env=environment, capture_output=True)
    return sum(os.times()[2:4]) - before


if __name__ == "__main__":
    main(*sys.argv[1:])
