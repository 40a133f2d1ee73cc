"""Prediction tables for tests."""

import numpy as np
import pandas as pd

from src.statistics.metrics import prediction_table


def table_of(
    labels: list[int],
    positive: list[float],
    part: str = "test",
    groups: list[int] | None = None,
) -> pd.DataFrame:
    """The prediction table of images with these probabilities of Positive."""
    manifest = pd.DataFrame(
        {
            "path": [f"{i}.jpg" for i in range(len(labels))],
            "label": labels,
            "part": part,
            "group": groups or range(len(labels)),
            "source": "drawn",
        }
    )
    probability = np.array(positive, dtype=np.float32)
    return prediction_table(manifest, np.stack([1 - probability, probability], axis=1))
