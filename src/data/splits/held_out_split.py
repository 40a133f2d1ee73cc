"""A split that holds one source out: it is tested on, and the others are trained on."""

import numpy as np
import pandas as pd

from src.config.schema import HeldOutSplit
from src.data.splits.grouped_split import deal_folds
from src.data.splits.random_split import stratified_sample
from src.errors import InputError


def split_held_out(listing: pd.DataFrame, groups: np.ndarray, split: HeldOutSplit) -> pd.DataFrame:
    """Split images into one source, for testing, and the others, for training and validation.

    No group is in two parts. Images of the other sources that share a group with an image of the
    held-out source are left out.

    Args:
        listing: a table of n images with `path`, `label`, `sha256` and `source`.
        groups: (n,) int64, the group of each image.
        split: the settings. The same seed, listing and groups give the same split.

    Returns:
        The manifest: `path`, `label`, `part` and `group`, in the listing's order.

    Raises:
        InputError: there is no such source, or no other one. It is also raised if there are fewer
            images than `split.images`, or fewer groups than folds.
    """
    rows = listing.assign(group=groups, test=listing.source == split.source)
    if not rows.test.any() or rows.test.all():
        problem = "is the only source" if rows.test.any() else "is not a source of this dataset"
        known = ", ".join(sorted(listing.source.unique()))
        raise InputError(f"split.source={split.source} {problem}; there are: {known}")
    rows = rows[rows.test | ~rows.group.isin(rows.group[rows.test])]
    if split.unique:
        rows = rows.drop_duplicates("sha256")
    rows = stratified_sample(rows, split.images, split.seed)
    part = np.full(len(rows), "test", dtype=object)
    fold = deal_folds(rows[~rows.test], split.folds, split.seed)
    part[~rows.test] = np.where(fold == 0, "validation", "train")
    return rows.assign(part=part)[["path", "label", "part", "group"]].reset_index(drop=True)
