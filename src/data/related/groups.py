"""Groups of twins: which images belong together, and what the audit reports of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from src.data.related.overlaps import COLUMNS
from src.data.related.twins import IDENTICAL, TURNS, Twins
from src.errors import InputError


def group_images(images: int, pairs: pd.DataFrame) -> np.ndarray:
    """Give images that are twins, or twins of twins, one group.

    Args:
        images: how many there are.
        pairs: `left` and `right`, rows of the images.

    Returns:
        (images,) int64: for each image the lowest row of its group.
    """
    links = coo_array((np.ones(len(pairs)), (pairs.left, pairs.right)), shape=(images, images))
    _, component = connected_components(links, directed=False)
    _, lowest = np.unique(component, return_index=True)
    return lowest[component]


def count_twins(listing: pd.DataFrame, pairs: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Count the images that have a twin, by kind of twin and class.

    Returns:
        One row a kind, and `any` for all but the identical; a column for each class and `all`.
        Identical images are counted each, the other kinds among the first of each identical ones.
    """
    chosen = {kind: pairs.kind == kind for kind in (IDENTICAL, *TURNS)}
    chosen["any"] = pairs.kind != IDENTICAL
    counts = {}
    for kind, rows in chosen.items():
        twins = np.union1d(pairs.left[rows], pairs.right[rows])
        counts[kind] = np.bincount(listing.label.iloc[twins], minlength=len(classes))
    table = pd.DataFrame.from_dict(counts, orient="index", columns=list(classes))
    return table.assign(all=table.sum(axis=1)).rename_axis("kind")


def label_conflicts(listing: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """The images of groups that mix classes: `path`, `label` and `group`, sorted by group."""
    members = listing[["path", "label"]].assign(group=groups)
    mixed = members.groupby("group").label.transform("nunique") > 1
    return members[mixed].sort_values(["group", "path"]).reset_index(drop=True)


def summarise_twins(listing: pd.DataFrame, twins: Twins, groups: np.ndarray) -> dict[str, float]:
    """The audit's figures.

    Returns:
        images, extra_copies (files of the same bytes as an earlier one), unique_images,
        flat_images (too flat to be compared), images_with_twin and twin_share (of the unique
        images, copies not counted), groups, groups_of_several, share_in_groups (of all images, in
        groups of several), largest_group, mixed_groups (that hold several classes).
    """
    copied = twins.pairs.kind == IDENTICAL
    turned = twins.pairs[~copied]
    unique, with_twin = len(listing) - copied.sum(), len(np.union1d(turned.left, turned.right))
    return {
        "images": len(listing),
        "extra_copies": int(copied.sum()),
        "unique_images": int(unique),
        "flat_images": twins.flat,
        "images_with_twin": with_twin,
        "twin_share": with_twin / unique,
        **_summarise_groups(listing, groups),
    }


def summarise_overlaps(
    listing: pd.DataFrame, pairs: pd.DataFrame, groups: np.ndarray
) -> dict[str, float]:
    """The audit's figures of overlaps.

    Args:
        listing: the images that the pairs are rows of.
        pairs: see `Overlaps.pairs`.
        groups: (n,) of images that overlap or are twins.

    Returns:
        pairs, images (that overlap another, copies not counted), and of the groups what
        `summarise_twins` gives; each name begins with `overlap.`.
    """
    figures = {
        "pairs": len(pairs),
        "images": len(np.union1d(pairs.left, pairs.right)),
        **_summarise_groups(listing, groups),
    }
    return {f"overlap.{name}": value for name, value in figures.items()}


def _summarise_groups(listing: pd.DataFrame, groups: np.ndarray) -> dict[str, float]:
    sizes = np.unique(groups, return_counts=True)[1]
    several = sizes[sizes > 1]
    return {
        "groups": len(sizes),
        "groups_of_several": len(several),
        "share_in_groups": several.sum() / len(listing),
        "largest_group": int(sizes.max()),
        "mixed_groups": label_conflicts(listing, groups).group.nunique(),
    }


def read_pairs(path: Path) -> pd.DataFrame:
    """Read `Twins.pairs` from CSV.

    Raises:
        InputError: there is no such file, or it is no table of pairs.
    """
    return _read(path, {"left": "int64", "right": "int64", "kind": "str", "correlation": "float32"})


def read_overlaps(path: Path) -> pd.DataFrame:
    """Read `Overlaps.pairs` from CSV.

    Raises:
        InputError: there is no such file, or it is no table of overlaps.
    """
    return _read(path, COLUMNS)


def read_groups(path: Path, listing: pd.DataFrame, column: str = "group") -> np.ndarray:
    """Read the groups (n,) int64 of a listing's images from a CSV of `path` and `column`.

    Raises:
        InputError: there is no such file, it is no table of groups, or not of these images.
    """
    table = _read(path, {"path": "str", column: "int64"})
    if table.path.tolist() != listing.path.tolist():
        raise InputError(f"{path} was made from other images: run the audit stage again")
    return table[column].to_numpy()


def _read(path: Path, kinds: dict[str, str]) -> pd.DataFrame:
    try:
        return pd.read_csv(path, usecols=list(kinds), dtype=kinds, keep_default_na=False)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run the audit stage first") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read ({error}): run the audit stage again") from error
