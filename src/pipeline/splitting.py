"""Splitting a dataset, and preparing one from fetch to split."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from src.config.schema import AnySplit, Config, GroupedSplit, HeldOutSplit
from src.data.dataset import Dataset, with_groups
from src.data.related.groups import group_images, join_groups
from src.data.splits.grouped_split import split_by_group
from src.data.splits.held_out_split import split_held_out
from src.data.splits.manifest import PARTS, read_manifest
from src.data.splits.random_split import split_randomly
from src.errors import InputError
from src.pipeline.auditing import audited_dataset
from src.pipeline.fetching import fetched_dataset

logger = logging.getLogger(__name__)


def prepared_dataset(config: Config) -> Dataset:
    """Fetch, audit and split the dataset; steps that are already done are not repeated.

    Raises:
        InputError: a step fails; see `fetched_dataset`, `audited_dataset` and `split_dataset`.
    """
    workspace = Path(config.workspace)
    dataset = fetched_dataset(config.data, workspace)
    return split_dataset(audited_dataset(dataset, config.audit, workspace), config.split)


def split_dataset(dataset: Dataset, split: AnySplit) -> Dataset:
    """Return the dataset with the manifest that `split.manifest` names, or with a new manifest.

    Raises:
        InputError: the file is not a manifest of these images and labels. It is also raised if the
            images cannot be split as configured, or if a part lacks a class.
    """
    if not split.manifest:
        return split_anew(dataset, split)
    manifest = read_manifest(Path(split.manifest))
    _refuse_other_images(manifest, dataset.listing, split.manifest)
    return _with_manifest(dataset, split, manifest)


def split_anew(dataset: Dataset, split: AnySplit) -> Dataset:
    """Return the dataset with a new manifest; `split.manifest` is ignored.

    Raises:
        InputError: the images cannot be split as configured, or a part has no image of a class.
    """
    _tell_two_labels(dataset.listing)
    if isinstance(split, GroupedSplit):
        related = join_groups(dataset.relations.related_groups, dataset.listing.photo)
        groups = _kept_together(dataset, split)
        manifest = split_by_group(dataset.listing, groups, split, related)
    elif isinstance(split, HeldOutSplit):
        manifest = split_held_out(dataset.listing, _kept_together(dataset, split), split)
    else:
        manifest = split_randomly(dataset.listing, split)
    return _with_manifest(dataset, split, manifest)


def _with_manifest(dataset: Dataset, split: AnySplit, manifest: pd.DataFrame) -> Dataset:
    _refuse_missing_class(manifest, dataset.classes)
    grouped = with_groups(manifest, dataset.listing, _kept_together(dataset, split))
    _tell_untested(grouped, split)
    return dataclasses.replace(dataset, manifest=grouped)


def _kept_together(dataset: Dataset, split: AnySplit) -> np.ndarray:
    """Return the groups (n,) int64 of images that the split keeps together.

    Images of sources that are only for training do not join groups of the others. So the others
    are split as they are without them.
    """
    relations, listing = dataset.relations, dataset.listing
    added = listing.source.isin(getattr(split, "train_only", ())).to_numpy()
    pairs = relations.twins[["left", "right"]]
    if split.strategy in ("overlap", "held_out") and relations.overlaps is not None:
        pairs = pd.concat([pairs, relations.overlaps[["left", "right"]]])
    pairs = pairs[added[pairs.left] == added[pairs.right]]
    groups = group_images(len(listing), pairs)
    # A photograph of one of these sources may have the name of another one.
    photos = listing.photo.where(~added, "added: " + listing.photo)
    return join_groups(groups, photos)


def _refuse_missing_class(manifest: pd.DataFrame, classes: Sequence[str]) -> None:
    """Refuse parts that lack a class, because training and metrics need both classes."""
    counts = pd.crosstab(manifest.part, manifest.label).reindex(
        index=PARTS, columns=range(len(classes)), fill_value=0
    )
    if counts.to_numpy().all():
        return
    parts = [
        f"{part} "
        + " and ".join(f"{count} {name}" for count, name in zip(row, classes, strict=True))
        for part, row in zip(PARTS, counts.to_numpy(), strict=True)
    ]
    raise InputError(
        "each part of the split needs images of both classes, and they would have: "
        f"{', '.join(parts)}; give more images of the rarer class, or another split.seed or "
        "fractions of split"
    )


def _tell_two_labels(listing: pd.DataFrame) -> None:
    """Warn of identical files in both classes. With `split.unique`, only the first one is used."""
    both = listing[listing.groupby("sha256").label.transform("nunique") > 1]
    if len(both):
        paths = both.path[both.sha256 == both.sha256.iloc[0]]
        logger.warning(
            "%d files are identical to one of the other class, such as %s and %s: delete the ones "
            "in the wrong folder",
            *(len(both), paths.iloc[0], paths.iloc[-1]),
        )


def _tell_untested(manifest: pd.DataFrame, split: AnySplit) -> None:
    """Warn of sources without a test image, unless the configuration keeps them for training."""
    if isinstance(split, HeldOutSplit):
        return
    tested = manifest.source[manifest.part == "test"]
    known = {*tested, *getattr(split, "train_only", ())}
    for source in sorted(set(manifest.source) - known):
        logger.warning(
            "no test image is from %s, so the results do not show how well the model does there; "
            "`python -m src.train -m +sweep=folds …` tests on all images",
            source,
        )


def _refuse_other_images(manifest: pd.DataFrame, listing: pd.DataFrame, given: str) -> None:
    unknown = manifest.path[~manifest.path.isin(listing.path)]
    if len(unknown):
        raise InputError(f"{given}: {unknown.iloc[0]} is not among the images: split again")
    label_of = listing.set_index("path").label
    other = manifest[manifest.label.to_numpy() != label_of[manifest.path].to_numpy()]
    if len(other):
        image = other.iloc[0]
        raise InputError(
            f"{given}: {image.path} has the label {image.label}, and among the images it has the "
            f"label {label_of[image.path]}: split again"
        )
