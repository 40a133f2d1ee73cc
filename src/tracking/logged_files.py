"""Text files that are logged in runs with their checksums, so that a damaged one is noticed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from src.data.files import file_sha256, temporary_folder
from src.errors import InputError

# The tag CHECKSUM + NAME has the SHA-256 (hex) of the logged file NAME, and of the one before it.
CHECKSUM = "sha256."
# The files that a run gets again when it is evaluated again.
_MADE_AGAIN = ("decision.json", "metrics.json")


def log_file(text: str, name: str) -> None:
    """Log a text in the active run as the file `name`, with its checksum in a tag.

    The tag is set first. It keeps the checksum of the former file, because a process may be killed
    before it has replaced the file.
    """
    run = mlflow.active_run()
    assert run is not None
    tags = mlflow.get_run(run.info.run_id).data.tags
    former = tags.get(CHECKSUM + name, "").split(" ")[0]
    new = hashlib.sha256(text.encode()).hexdigest()
    mlflow.set_tag(CHECKSUM + name, f"{new} {former}".strip())
    mlflow.log_text(text, name)


@contextmanager
def logged_file(run: Run, name: str) -> Iterator[Path]:
    """Download a file that a run has logged, and delete the copy in the end.

    Yields:
        The path of the copy.

    Raises:
        InputError: the run has no such file, or the file has changed since it was logged.
    """
    run_id = run.info.run_id
    # MLflow would choose a temporary folder, and leave it there.
    with temporary_folder("crack-artifacts") as folder:
        try:
            path = Path(
                mlflow.artifacts.download_artifacts(f"runs:/{run_id}/{name}", dst_path=folder)
            )
        except (MlflowException, OSError) as error:
            raise InputError(
                f"run {run_id} ({run.info.run_name}, {run.info.status}) has no {name}"
            ) from error
        expected = run.data.tags.get(CHECKSUM + name)
        if expected and file_sha256(path) not in expected.split(" "):
            way_out = (
                f"`python -m src.evaluate evaluate.run={run_id}` makes it again"
                if name in _MADE_AGAIN
                else "train again"
            )
            raise InputError(f"run {run_id}: {name} has changed since it was logged: {way_out}")
        yield path
