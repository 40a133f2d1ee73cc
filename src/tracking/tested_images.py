"""Whether the images that a run was tested on are still there."""

from pathlib import Path

import pandas as pd
from mlflow.entities import Run

from src.data.dataset import listing_fingerprint
from src.data.files import file_sha256
from src.tracking.run_reading import TESTED


def has_tested_images(run: Run, predictions: pd.DataFrame, folder: Path) -> bool:
    """Return whether a folder has the images that a run was tested on, unchanged.

    Args:
        run: the run.
        predictions: its prediction table.
        folder: the folder that the table's paths are relative to.
    """
    paths = predictions.path[predictions.part == "test"]
    files = [folder / path for path in paths]
    if not all(file.is_file() for file in files):
        return False
    found = pd.DataFrame({"path": paths, "sha256": [file_sha256(file) for file in files]})
    return listing_fingerprint(found) == run.data.tags.get(TESTED)
