"""The relations among the images of a dataset: which of them show the same spot."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Relations:
    """The relations that the audit has found among the images of a listing.

    Attributes:
        twins: see `src.data.related.twins.Twins.pairs`.
        overlaps: see `src.data.related.overlaps.Overlaps.pairs`; None if the audit did not look
            for overlaps.
        twin_groups: (n,) int64, the group of each image, where groups consist of twins.
        related_groups: (n,) int64, the group of each image, where groups consist of twins and
            overlapping images.
    """

    twins: pd.DataFrame
    overlaps: pd.DataFrame | None
    twin_groups: np.ndarray
    related_groups: np.ndarray

    @classmethod
    def unknown(cls) -> "Relations":
        """Make the relations of a dataset that has not been audited yet."""
        return cls(pd.DataFrame(), None, np.empty(0, np.int64), np.empty(0, np.int64))
