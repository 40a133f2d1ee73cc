"""Whether the packaged model answers as its run was evaluated."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from src.data.image_batches import evenly_spread
from src.registry.image_judge import Judge


@dataclass(frozen=True)
class ServedCheck:
    """Answers of the packaged model beside the run's prediction table.

    Attributes:
        images: how many test images were judged.
        largest_difference: between the two probabilities of an image, 0 to 1.
        disagreements: images that got another verdict.
    """

    images: int
    largest_difference: float
    disagreements: int

    @property
    def share(self) -> float:
        """Disagreements as a share of the images, 0 to 1."""
        return self.disagreements / max(self.images, 1)


def check_served(
    load: Callable[[], Judge], predictions: pd.DataFrame, folder: Path, count: int
) -> ServedCheck | None:
    """Judge some test images and compare with the prediction table.

    Args:
        load: gives the judge of the packaged model; called only where there are images to judge.
        predictions: the prediction table with verdicts, see `with_verdicts`.
        folder: the folder that its paths are relative to.
        count: how many images at most, evenly spread.

    Returns:
        The comparison; None where an image is not on this machine, or `count` is 0.
    """
    test = predictions[predictions.part == "test"]
    chosen = test.iloc[evenly_spread(len(test), count)]
    files = [folder / path for path in chosen.path]
    if not files or not all(file.is_file() for file in files):
        return None
    judge = load()
    answers = [judge.judge([file.read_bytes()])[0] for file in files]
    probability = np.array([answer["probability"] for answer in answers])
    labels = [judge.decision.classes[verdict] for verdict in chosen.verdict]
    return ServedCheck(
        images=len(files),
        largest_difference=float(np.abs(probability - chosen.calibrated.to_numpy()).max()),
        disagreements=sum(
            answer["label"] != label for answer, label in zip(answers, labels, strict=True)
        ),
    )
