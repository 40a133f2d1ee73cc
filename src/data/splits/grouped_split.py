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

    The groups are distributed over equal folds, for example 5 folds for 60:20:20. The first folds
    are the test part, the next ones are for validation, and the rest is for training. For the next
    value of `fold`, the test part starts where it ended before. If 1 is a multiple of the test
    fraction, each image is tested once over all values of `fold`.

    Args:
        listing: a table of n images with `path`, `label` and `sha256`.
        groups: (n,) int64, the group of each image.
        split: the settings. The fractions are met as closely as whole groups allow. The same seed,
            listing and groups give the same folds.

    Returns:
        The manifest: `path`, `label`, `part` and `group`, in the listing's order.

    Raises:
        InputError: there are fewer images than `split.images`, or fewer groups than folds.
    """
    folds, validation, test = split.folds
    rows = listing.assign(group=groups)
    if split.unique:
        rows = rows.drop_duplicates("sha256")
    rows = stratified_sample(rows[["path", "label", "group"]], split.images, split.seed)
    distance = (deal_folds(rows, folds, split.seed) - split.fold * test) % folds
    part = np.select(
        [distance < test, distance < test + validation], ["test", "validation"], default="train"
    )
    return rows.assign(part=part)[["path", "label", "part", "group"]].reset_index(drop=True)


def deal_folds(rows: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    """Deal images to equal folds, so that no group is in two folds, stratified by class.

    Args:
        rows: a table of n images with `label` and `group`.
        folds: number of folds.
        seed: seed of the dealing.

    Returns:
        (n,) int64, the fold of each image.

    Raises:
        InputError: there are fewer groups than folds.
    """
    try:
        return np.array(_dealt(tuple(rows.label), tuple(rows.group), folds, seed), np.int64)
    except ValueError as error:
        raise InputError(f"too few images to split: {error}") from error


# The result is cached, because it takes seconds for METU and most jobs of a sweep share it.
@lru_cache(maxsize=8)
def _dealt(
    labels: tuple[int, ...], groups: tuple[int, ...], folds: int, seed: int
) -> tuple[int, ...]:
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(labels), np.int64)
    for number, (_, chosen) in enumerate(splitter.split(labels, labels, groups)):
        fold[chosen] = number
    return tuple(fold.tolist())
