"""A split that keeps related images together."""

from functools import lru_cache

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from src.config.schema import GroupedSplit
from src.data.splits.random_split import stratified_sample
from src.errors import InputError


def split_by_group(listing: pd.DataFrame, groups: np.ndarray, split: GroupedSplit) -> pd.DataFrame:
    """Split images so that no group is in two parts, stratified by class.

    The groups are dealt out to equal folds, 5 of them for 60:20:20. Test takes its share of them,
    validation the next ones, train the rest; the next `fold` starts where this one's test ends.
    Where test's share goes into 1, each image is tested once over all values of `fold`.

    Args:
        listing: one row an image, with `path`, `label` and `sha256`.
        groups: (n,) the group of each image.
        split: the fractions, which are met as closely as whole groups allow; the fold; the seed:
            the same seed, listing and groups give the same folds.

    Returns:
        The manifest: `path`, `label`, `part` and `group`, in the listing's order.

    Raises:
        InputError: there are fewer images than asked for, or fewer groups than folds.
    """
    folds, validation, test = split.folds
    rows = listing.assign(group=groups)
    if split.unique:
        rows = rows.drop_duplicates("sha256")
    rows = stratified_sample(rows[["path", "label", "group"]], split.images, split.seed)
    distance = (_deal(rows, folds, split.seed) - split.fold * test) % folds
    part = np.select(
        [distance < test, distance < test + validation], ["test", "validation"], default="train"
    )
    return rows.assign(part=part)[["path", "label", "part", "group"]].reset_index(drop=True)


def _deal(rows: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    """(n,) int64: the fold of each image."""
    try:
        return np.array(_dealt(tuple(rows.label), tuple(rows.group), folds, seed), np.int64)
    except ValueError as error:
        raise InputError(f"too few images to split: {error}") from error


# Dealing out METU takes seconds, and the jobs of a sweep, folds included, mostly share it.
@lru_cache(maxsize=8)
def _dealt(
    labels: tuple[int, ...], groups: tuple[int, ...], folds: int, seed: int
) -> tuple[int, ...]:
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(labels), np.int64)
    for number, (_, chosen) in enumerate(splitter.split(labels, labels, groups)):
        fold[chosen] = number
    return tuple(fold.tolist())
