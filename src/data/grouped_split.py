"""A split that keeps twins together, and the measure of one that does not."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from src.data.folds import folds_of
from src.data.split import stratified_sample
from src.data.twins import IDENTICAL
from src.errors import InputError


def split_by_group(
    listing: pd.DataFrame,
    groups: np.ndarray,
    *,
    fractions: Mapping[str, float],
    seed: int,
    images: int | None = None,
    fold: int = 0,
    unique: bool = True,
) -> pd.DataFrame:
    """Split images so that no group is in two parts, stratified by class.

    The groups are dealt out to equal folds, 5 of them for 60:20:20. Test takes its share of them,
    validation the next ones, train the rest; the next `fold` starts where this one's test ends.
    Where test's share goes into 1, each image is tested once over all values of `fold`.

    Args:
        listing: one row an image, with `path`, `label` and `sha256`.
        groups: (n,) the group of each image.
        fractions: of train, validation and test; together 1, made up of at most 20
            folds. They are met as closely as whole groups allow.
        seed: the same seed, listing and groups give the same folds.
        images: a stratified sample of this many images is split; None takes all.
        fold: from 0 to 4 where test is a fifth.
        unique: leave out all but the first of identical files.

    Returns:
        The manifest: `path`, `label`, `part` and `group`, in the listing's order.

    Raises:
        InputError: there are fewer images than asked for, fewer groups than folds, no such fold,
            or fractions that no number of folds up to 20 makes up.
    """
    folds, validation, test = folds_of(fractions, fold)
    rows = listing.assign(group=groups)
    if unique:
        rows = rows.drop_duplicates("sha256")
    rows = stratified_sample(rows[["path", "label", "group"]], images, seed)
    distance = (_deal(rows, folds, seed) - fold * test) % folds
    part = np.select(
        [distance < test, distance < test + validation], ["test", "validation"], default="train"
    )
    return rows.assign(part=part)[["path", "label", "part", "group"]].reset_index(drop=True)


def leak(
    manifest: pd.DataFrame, listing: pd.DataFrame, pairs: pd.DataFrame, classes: Sequence[str]
) -> dict[str, float]:
    """The share of test images that have a twin in training, by class and of `all`.

    Args:
        manifest: `path`, `label` and `part`, of some or all images of the listing.
        listing: the images that the pairs are rows of.
        pairs: see `Twins.pairs`.
        classes: names by label.

    Raises:
        InputError: the manifest names an image that the listing lacks.
    """
    row = pd.Index(listing.path).get_indexer(pd.Index(manifest.path))
    if (row < 0).any():
        path = manifest.path.iloc[int(np.argmin(row))]
        raise InputError(f"the manifest names {path}, which is not among the images: split again")
    copies = pairs[pairs.kind == IDENTICAL]
    first = np.arange(len(listing))
    first[copies.right] = copies.left
    at = first[row]
    trained = np.zeros(len(listing), bool)
    trained[at[manifest.part == "train"]] = True
    leaks = trained.copy()
    for one, other in ((pairs.left, pairs.right), (pairs.right, pairs.left)):
        leaks[one[trained[other]]] = True
    test = manifest.part == "test"
    leaked, label = leaks[at[test]], manifest.label[test].to_numpy()
    by_class = {name: float(leaked[label == i].mean()) for i, name in enumerate(classes)}
    return {"all": float(leaked.mean()), **by_class}


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
