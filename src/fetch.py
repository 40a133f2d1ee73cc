"""Fetch the images of a dataset, check every one of them, and list them.

python -m src.fetch                                  the patches that the project draws
python -m src.fetch data=mendeley                    the METU dataset, downloaded if it is missing
python -m src.fetch data=local data.path=FOLDER      images on this machine
python -m src.fetch 'data=[mendeley,sdnet2018]'      several sources at once
"""

import subprocess
import sys
from pathlib import Path

from src.config.command import entry_point
from src.config.schema import Config
from src.config.source_schema import Mendeley, Several
from src.errors import InputError
from src.pipeline.fetching import fetch_dataset


def commit_to_cache(pin: str) -> None:
    """Add the files that a .dvc file pins to DVC's cache.

    Args:
        pin: path of the .dvc file.

    Raises:
        InputError: the files are not the pinned ones, or DVC cannot add them. The message holds
            DVC's own.
    """
    command = [sys.executable, "-m", "dvc", "commit", pin]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if ended.returncode:
        raise InputError(
            f"dvc commit {pin} failed: {ended.stderr.strip()}\nIf the images are not the pinned "
            f"ones, restore them by `dvc checkout {pin}`, or delete their folder and fetch again"
        )


def pins(pin: str, folder: str) -> bool:
    """Return whether a .dvc file pins the files of this folder."""
    import yaml

    outputs = yaml.safe_load(Path(pin).read_text(encoding="utf-8"))["outs"]
    pinned = {Path(pin).parent.joinpath(output["path"]).resolve() for output in outputs}
    return Path(folder).resolve() in pinned


@entry_point
def main(config: Config) -> None:
    receipt = fetch_dataset(config.data, Path(config.workspace)).receipt
    counts = ", ".join(f"{count} {name}" for name, count in receipt.counts.items())
    print(
        f"{config.data.dir}: {counts}; {len(receipt.rejected)} left out, {receipt.resized} resized"
    )
    for rejected in receipt.rejected:
        print(f"  left out {rejected.path}: {rejected.reason}")
    data = config.data
    for section in data.sources.values() if isinstance(data, Several) else [data]:
        if isinstance(section, Mendeley) and section.pin and pins(section.pin, section.dir):
            commit_to_cache(section.pin)


if __name__ == "__main__":
    main()
