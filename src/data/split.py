"""Which image serves for training, validation or test."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from src.data.files import write_text
from src.errors import InputError

PARTS = ("train", "validation", "test")


def split_randomly(
    listing: pd.DataFrame, *, fractions: Mapping[str, float], seed: int, images: int | None
) -> pd.DataFrame:
    """Split images at random, stratified by class: each class keeps its share in every part.

    Args:
        listing: one row an image, with at least `path` and `label`.
        fractions: of train, validation and test; together 1.
        seed: the same seed and listing give the same split.
        images: a stratified sample of this many images is split; None takes all.

    Returns:
        The manifest: `path`, `label` and `part`, in the listing's order.

    Raises:
        InputError: there are fewer images than asked for, or too few to fill every part.
    """
    manifest = listing[["path", "label"]].reset_index(drop=True)
    manifest = stratified_sample(manifest, images, seed).reset_index(drop=True)
    try:
        counts = part_counts(len(manifest), fractions)
        rest, test = train_test_split(
            manifest, test_size=counts["test"], stratify=manifest.label, random_state=seed
        )
        _, validation = train_test_split(
            rest, test_size=counts["validation"], stratify=rest.label, random_state=seed
        )
    except ValueError as error:
        raise InputError(f"too few images to split: {error}") from error
    part = np.full(len(manifest), "train", dtype=object)
    part[validation.index] = "validation"
    part[test.index] = "test"
    return manifest.assign(part=part)


def stratified_sample(images: pd.DataFrame, count: int | None, seed: int) -> pd.DataFrame:
    """`count` of the images (None: all), each class keeping its share, in the order they had.

    Raises:
        InputError: there are fewer images than asked for, or too few for every class.
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
        raise InputError(f"too few images to split: {error}") from error
    return sample.sort_index()


def part_counts(images: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """How many of `images` go to each part; rounding goes to train."""
    validation = round(images * fractions["validation"])
    test = round(images * fractions["test"])
    return {"train": images - validation - test, "validation": validation, "test": test}


def write_manifest(manifest: pd.DataFrame, path: Path) -> None:
    """Write a manifest as CSV, whole or not at all."""
    write_text(path, manifest.to_csv(index=False))


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a manifest and check that it is one.

    Raises:
        InputError: the file is missing or no table, lacks a column, names an unknown part, a label
            that is neither 0 nor 1, or an image twice, or leaves a part empty.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such manifest; `python -m src.split` writes it")
    kinds = {"path": "str", "label": "int64", "part": "str"}
    try:
        manifest = pd.read_csv(path, dtype=kinds, keep_default_na=False)
    except ValueError as error:
        raise InputError(f"{path}: not a manifest ({error}): split again") from error
    missing = set(kinds) - set(manifest.columns)
    if missing:
        raise InputError(f"{path}: not a manifest, it has no column {', '.join(sorted(missing))}")
    found = set(manifest.part)
    if found != set(PARTS):
        raise InputError(f"{path}: the parts are {sorted(found)}, and must be {list(PARTS)}")
    unknown = manifest[~manifest.label.isin((0, 1))]
    if len(unknown):
        image = unknown.iloc[0]
        raise InputError(f"{path}: {image.path} has the label {image.label}, and must have 0 or 1")
    twice = manifest.path[manifest.path.duplicated()]
    if len(twice):
        raise InputError(f"{path}: {twice.iloc[0]} stands there twice")
    return manifest


def manifest_fingerprint(manifest: pd.DataFrame) -> str:
    """sha256 over the manifest's CSV form: which image is in which part under which label."""
    return hashlib.sha256(manifest.to_csv(index=False).encode()).hexdigest()
