"""Groups of related images, their tables, and the figures that the audit reports about them."""

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
    """Put images into the same group if a chain of pairs connects them.

    Args:
        images: number of images.
        pairs: a table with the columns `left` and `right`, the rows of two related images.

    Returns:
        (images,) int64, for each image the lowest row in its group.
    """
    links = coo_array((np.ones(len(pairs)), (pairs.left, pairs.right)), shape=(images, images))
    _, component = connected_components(links, directed=False)
    _, lowest = np.unique(component, return_index=True)
    return lowest[component]


def join_groups(groups: np.ndarray, photos: Sequence[str] | pd.Series) -> np.ndarray:
    """Join groups that have images of one photograph.

    Args:
        groups: (n,) int64, the group of each image.
        photos: the photograph of each of the n images.

    Returns:
        (n,) int64, for each image the lowest row in its joined group.
    """
    rows = pd.DataFrame({"right": np.arange(len(groups)), "group": groups, "photo": list(photos)})
    first = [rows.groupby(key).right.transform("first") for key in ("group", "photo")]
    return group_images(len(rows), pd.concat([rows[["right"]].assign(left=left) for left in first]))


def count_twins(listing: pd.DataFrame, pairs: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Count the images that have a twin, by kind of twin and class.

    All copies of identical images are counted. For the other kinds only the first of several
    identical images counts.

    Args:
        listing: one row for each image, with at least `label`.
        pairs: see `Twins.pairs`.
        classes: class names by label.

    Returns:
        A table with one row for each kind, and the row `any` for all kinds but the identical. It
        has a column for each class and the column `all`.
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
    """List the images of groups that contain several classes.

    Args:
        listing: one row for each image, with at least `path` and `label`.
        groups: (n,) int64, see `group_images`.

    Returns:
        A table with the columns `path`, `label` and `group`, sorted by group and path.
    """
    members = listing[["path", "label"]].assign(group=groups)
    mixed = members.groupby("group").label.transform("nunique") > 1
    return members[mixed].sort_values(["group", "path"]).reset_index(drop=True)


def summarise_twins(listing: pd.DataFrame, twins: Twins, groups: np.ndarray) -> dict[str, float]:
    """Compute the audit's figures about twins.

    Args:
        listing: one row for each image.
        twins: the twins among these images.
        groups: (n,) int64, the groups of twins.

    Returns:
        The figures by name:

        - images: number of images.
        - extra_copies: number of files with the same bytes as an earlier file.
        - unique_images: number of images without the extra copies.
        - flat_images: number of images with too little contrast to be compared.
        - images_with_twin: number of unique images that have a twin.
        - twin_share: share of the unique images that have a twin.
        - groups: number of groups.
        - groups_of_several: number of groups with more than one image.
        - share_in_groups: share of all images that are in groups of several.
        - largest_group: number of images in the largest group.
        - mixed_groups: number of groups that contain several classes.
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
    """Compute the audit's figures about overlaps.

    Args:
        listing: one row for each image; `pairs` refers to its rows.
        pairs: see `Overlaps.pairs`.
        groups: (n,) int64, the groups of images that overlap or are twins.

    Returns:
        The figures by name, each beginning with `overlap.`:

        - pairs: number of pairs that overlap.
        - images: number of images that overlap another image, without extra copies.
        - groups and the following: see `summarise_twins`.
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
    """Read `Twins.pairs` from a CSV file.

    Raises:
        InputError: the file does not exist, or it is not a table of pairs.
    """
    return _read(path, {"left": "int64", "right": "int64", "kind": "str", "correlation": "float32"})


def read_overlaps(path: Path) -> pd.DataFrame:
    """Read `Overlaps.pairs` from a CSV file.

    Raises:
        InputError: the file does not exist, or it is not a table of overlaps.
    """
    return _read(path, COLUMNS)


def read_groups(path: Path, listing: pd.DataFrame, column: str = "group") -> np.ndarray:
    """Read the groups of a listing's images from a CSV file.

    Args:
        path: the file.
        listing: one row for each image, with at least `path`.
        column: name of the column that holds the groups.

    Returns:
        (n,) int64, see `group_images`.

    Raises:
        InputError: the file does not exist, it is not a table of groups, or it was made from other
            images.
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
