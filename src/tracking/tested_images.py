"""Whether the images that a run was tested on are still there."""

from pathlib import Path

import pandas as pd
from mlflow.entities import Run

from src.data.dataset import listing_fingerprint
from src.data.files import file_sha256
from src.errors import InputError
from src.tracking.provenance import run_of
from src.tracking.run_reading import TESTED


def has_tested_images(run: Run, images: pd.DataFrame, folder: Path) -> bool:
    """Return whether a folder has the images that a run was tested on, unchanged.

    Runs of an older version have no fingerprint of them. Then only the files must be there.

    Args:
        run: the run.
        images: a table with the `path` and the `part` of its images.
        folder: the folder that the table's paths are relative to.
    """
    paths = images.path[images.part == "test"]
    files = [folder / path for path in paths]
    if not all(file.is_file() for file in files):
        return False
    found = pd.DataFrame({"path": paths, "sha256": [file_sha256(file) for file in files]})
    return TESTED not in run.data.tags or listing_fingerprint(found) == run.data.tags[TESTED]


def refuse_other_images(model: str, manifest: pd.DataFrame, folder: Path) -> None:
    """Refuse a folder that has other images than a model's run was tested on.

    Args:
        model: see `load_classifier`. A file has no run, so nothing is checked.
        manifest: the manifest of its training.
        folder: the folder of the images.

    Raises:
        InputError: the images are missing or others.
    """
    run = run_of(model)
    if run and not has_tested_images(run, manifest, folder):
        raise InputError(
            f"{folder} has not the images that the run of {model} was tested on: fetch them again, "
            "or give manifest=… and images=…"
        )
