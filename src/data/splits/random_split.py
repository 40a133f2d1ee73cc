"""A random split as published: it is stratified by class and ignores related images."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from src.config.schema import RandomSplit
from src.errors import InputError


def split_randomly(listing: pd.DataFrame, split: RandomSplit) -> pd.DataFrame:
    """Split images at random, so that each class has the same share in every part.

    Args:
        listing: a table of images with at least `path` and `label`.
        split: the settings. The same seed and listing give the same split.

    Returns:
        The manifest: `path`, `label` and `part`, in the listing's order.

    Raises:
        InputError: there are fewer images than `split.images`, or too few to fill every part.
    """
    manifest = listing[["path", "label"]].reset_index(drop=True)
    manifest = stratified_sample(manifest, split.images, split.seed).reset_index(drop=True)
    try:
        counts = part_counts(len(manifest), split.fractions)
        rest, test = train_test_split(
            manifest, test_size=counts["test"], stratify=manifest.label, random_state=split.seed
        )
        _, validation = train_test_split(
            rest, test_size=counts["validation"], stratify=rest.label, random_state=split.seed
        )
    except ValueError as error:
        raise InputError(f"too few images to split: {error}") from error
    part = np.full(len(manifest), "train", dtype=object)
    part[validation.index] = "validation"
    part[test.index] = "test"
    return manifest.assign(part=part)


def stratified_sample(images: pd.DataFrame, count: int | None, seed: int) -> pd.DataFrame:
    """Draw a random sample of images in which each class keeps its share.

    Args:
        images: a table with `label`.
        count: number of images to draw; None means all.
        seed: seed of the sample.

    Returns:
        The rows that were drawn, in their former order.

    Raises:
        InputError: there are fewer than `count` images, or too few for every class.
    """
    if count is None or count == len(images):
        return images
    if count > len(images):
        raise InputError(f"split.images is {count}, but there are only {len(images)} images")
    try:
        sample, _ = train_test_split(
            images, train_size=count, stratify=images.label, random_state=seed
        )
    except ValueError as error:
        raise InputError(
            f"split.images is {count} of {len(images)} images: take enough for each class, and "
            "leave some of each class out or none"
        ) from error
    return sample.sort_index()


def part_counts(images: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """Compute the number of images of each part. The training part gets what rounding leaves.

    Args:
        images: number of images in all.
        fractions: the fraction of each part, by its name.
    """
    validation = round(images * fractions["validation"])
    test = round(images * fractions["test"])
    return {"train": images - validation - test, "validation": validation, "test": test}
