"""Checking that a packaged model gives the same answers as the evaluation of its run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from src.data.image_batches import evenly_spread
from src.registry.image_judge import Judge


@dataclass(frozen=True)
class ServedCheck:
    """A comparison of a packaged model's answers with the prediction table of its run.

    Attributes:
        images: number of test images that were judged.
        largest_difference: the largest difference of the two probabilities of an image, 0 to 1.
        disagreements: number of images with another verdict.
    """

    images: int
    largest_difference: float
    disagreements: int

    @property
    def share(self) -> float:
        """The share of the images with another verdict, 0 to 1."""
        return self.disagreements / max(self.images, 1)


def check_served(
    load: Callable[[], Judge], predictions: pd.DataFrame, folder: Path, count: int
) -> ServedCheck | None:
    """Judge some test images, and compare the answers with the prediction table.

    Args:
        load: function that loads the judge of the packaged model. It is called only if there are
            images to judge.
        predictions: the prediction table with verdicts; see `with_verdicts`.
        folder: the folder that the table's paths are relative to.
        count: the most images to judge. They are evenly spread over the test images.

    Returns:
        The comparison, or None if one of the images is not on this machine or `count` is 0.
    """
    test = predictions[predictions.part == "test"]
    chosen = test.iloc[evenly_spread(len(test), count)]
    files = [folder / path for path in chosen.path]
    if not files or not all(file.is_file() for file in files):
        return None
    judge = load()
    shown = tqdm(files, "served answers", unit="image")
    answers = [judge.judge([file.read_bytes()])[0] for file in shown]
    probability = np.array([answer["probability"] for answer in answers])
    labels = [judge.decision.classes[verdict] for verdict in chosen.verdict]
    return ServedCheck(
        images=len(files),
        largest_difference=float(np.abs(probability - chosen.calibrated.to_numpy()).max()),
        disagreements=sum(
            answer["label"] != label for answer, label in zip(answers, labels, strict=True)
        ),
    )
