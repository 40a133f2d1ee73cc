"""Which images of a dataset show the same spot."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Relations:
    """What the audit found among the images of a listing.

    Attributes:
        twins: see `src.data.related.twins.Twins.pairs`.
        overlaps: see `src.data.related.overlaps.Overlaps.pairs`; None where the audit did not look
            for overlaps.
        twin_groups: (n,) int64, the groups of twins.
        related_groups: (n,) int64, the groups of images that are twins or overlap.
    """

    twins: pd.DataFrame
    overlaps: pd.DataFrame | None
    twin_groups: np.ndarray
    related_groups: np.ndarray

    @classmethod
    def unknown(cls) -> "Relations":
        """Those of a dataset that was not audited yet."""
        return cls(pd.DataFrame(), None, np.empty(0, np.int64), np.empty(0, np.int64))
