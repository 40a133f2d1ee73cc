"""A split that keeps related images together."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from src.config.schema import GroupedSplit
from src.data.splits.random_split import stratified_sample
from src.errors import InputError


def split_by_group(
    listing: pd.DataFrame,
    groups: np.ndarray,
    split: GroupedSplit,
    related: np.ndarray | None = None,
) -> pd.DataFrame:
    """Split images so that no group is in two parts, stratified by class.

    The groups are distributed over equal folds, for example 5 folds for 60:20:20. The first folds
    are the test part, the next ones are for validation, and the rest is for training. For the next
    value of `fold`, the test part starts where it ended before. If 1 is a multiple of the test
    fraction, each image is tested once over all values of `fold`.

    Images of the sources in `split.train_only` are for training. The others are split as they would
    be without them. An image of these sources is left out if it is related to an image in another
    part.

    Args:
        listing: a table of n images with `path`, `label`, `sha256` and `source`.
        groups: (n,) int64, the group of each image. Images of the sources in `split.train_only`
            must not join groups of the others.
        split: the settings. The fractions are met as closely as whole groups allow. The same seed,
            listing and groups give the same folds.
        related: (n,) int64, groups by which images of these sources are related to the others; by
            default `groups`.

    Returns:
        The manifest: `path`, `label`, `part` and `group`, in the listing's order.

    Raises:
        InputError: there are fewer images than `split.images`, or fewer groups than folds. It is
            also raised if `split.train_only` names no source, or all of them.
    """
    folds, validation, test = split.folds
    rows = listing.assign(group=groups, related=groups if related is None else related)
    added, rows = _for_training_only(rows, split.train_only)
    if split.unique:
        rows = rows.drop_duplicates("sha256")
        added = added[~added.sha256.isin(rows.sha256)].drop_duplicates("sha256")
    rows = stratified_sample(rows, split.images, split.seed)
    distance = (deal_folds(rows, folds, split.seed) - split.fold * test) % folds
    part = np.select(
        [distance < test, distance < test + validation], ["test", "validation"], default="train"
    )
    rows = rows.assign(part=part)
    held_out = rows.related[rows.part != "train"]
    added = added[~added.related.isin(held_out)].assign(part="train")
    every = pd.concat([rows, added]).sort_index() if len(added) else rows
    return every[["path", "label", "part", "group"]].reset_index(drop=True)


def _for_training_only(
    rows: pd.DataFrame, sources: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Separate the images of the sources that are only for training from the others."""
    known = sorted(rows.source.unique())
    if unknown := [name for name in sources if name not in known]:
        raise InputError(
            f"split.train_only names {', '.join(unknown)}; the sources are: {', '.join(known)}"
        )
    of_them = rows.source.isin(sources)
    if of_them.all():
        raise InputError("split.train_only names all sources, so nothing is left to test on")
    return rows[of_them], rows[~of_them]


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
    groups = rows.group.nunique()
    if groups < folds:
        raise InputError(
            f"too few images to split: a split into these parts needs {folds} groups, and the "
            f"{len(rows)} images form {groups}; images of one photograph, and related images, are "
            "one group"
        )
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
