"""Leakage: the share of test images that show the same spot as a training image."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from src.data.dataset import Dataset
from src.data.related.twins import IDENTICAL
from src.errors import InputError


def leakage(dataset: Dataset) -> dict[str, float]:
    """Compute the leakage of a split by twins, and by overlaps if the audit has searched for them.

    Args:
        dataset: a dataset with relations and a split.

    Returns:
        The shares of `leaked_share` for twins. The names that begin with `overlap.` are the shares
        for twins and overlaps together.
    """
    listing, manifest, relations = dataset.listing, dataset.manifest, dataset.relations
    shares = leaked_share(manifest, listing, relations.twins, dataset.classes)
    if relations.overlaps is not None:
        either = pd.concat([relations.twins, relations.overlaps])
        of_either = leaked_share(manifest, listing, either, dataset.classes)
        shares |= {f"overlap.{name}": share for name, share in of_either.items()}
    if listing.photo.duplicated().any():
        photo = listing.set_index("path").photo[manifest.path].to_numpy()
        seen = np.isin(photo, photo[manifest.part == "train"])
        of_photos = _shares(seen, manifest, dataset.classes)
        shares |= {f"photo.{name}": share for name, share in of_photos.items()}
    return shares


def leaked_share(
    manifest: pd.DataFrame, listing: pd.DataFrame, pairs: pd.DataFrame, classes: Sequence[str]
) -> dict[str, float]:
    """Compute the share of test images that are related to a training image.

    Args:
        manifest: a table with `path`, `label` and `part` of some or all images of the listing.
        listing: the table of images whose rows the pairs refer to.
        pairs: the related images; see `Twins.pairs`.
        classes: the class names in label order.

    Returns:
        The shares, 0 to 1: `all`, and one for each class by its name.

    Raises:
        InputError: the manifest names an image that the listing does not have.
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
    return _shares(leaks[at], manifest, classes)


def _shares(leaks: np.ndarray, manifest: pd.DataFrame, classes: Sequence[str]) -> dict[str, float]:
    """Return the share of leaking images (bool) in the test part, in all and by class."""
    test = (manifest.part == "test").to_numpy()
    leaked, label = leaks[test], manifest.label[test].to_numpy()
    by_class = {name: float(leaked[label == i].mean()) for i, name in enumerate(classes)}
    return {"all": float(leaked.mean()), **by_class}
