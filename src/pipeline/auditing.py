"""Auditing a dataset: the relations among its images are found once and then read from files."""

import dataclasses
import json
from pathlib import Path

import pandas as pd
from filelock import FileLock

from src.config.schema import Audit
from src.data.dataset import Dataset
from src.data.files import checksums, remove_file, write_text
from src.data.related.groups import group_images, read_groups, read_overlaps, read_pairs
from src.data.related.overlaps import Overlaps, find_overlaps, no_overlaps
from src.data.related.relations import Relations
from src.data.related.twins import Twins, find_twins
from src.pipeline.earlier_work import take_over

# The files that the audit writes to the workspace. The last one has checksums of the tables.
PAIRS, OVERLAPS, GROUPS, AUDITED = "pairs.csv", "overlaps.csv", "groups.csv", "audit.json"

# Number of images from which the audit takes long enough to be told before.
MANY = 5000


def audit_dataset(
    dataset: Dataset, audit: Audit, workspace: Path
) -> tuple[Dataset, Twins, Overlaps | None]:
    """Find twins and overlaps, and write them and the audit's settings to the workspace.

    Args:
        dataset: the dataset, whose images are already fetched.
        audit: the settings of the audit.
        workspace: the folder to write into.

    Returns:
        The dataset with its relations, the twins, and the overlaps. The last is None if the
        settings do not ask for overlaps.

    Raises:
        InputError: an image cannot be read, or there are too many pairs.
    """
    with _auditing(workspace):
        twins, overlaps = _audit(dataset, audit, workspace)
        return _with_relations(dataset, audit, workspace), twins, overlaps


def audited_dataset(dataset: Dataset, audit: Audit, workspace: Path) -> Dataset:
    """Return the dataset with its relations, and audit it first if necessary.

    An audit is necessary if there is none of the same images with the same settings, neither in
    this workspace nor in another one beside it.

    Args:
        dataset: see `audit_dataset`.
        audit: see `audit_dataset`.
        workspace: see `audit_dataset`.

    Raises:
        InputError: see `audit_dataset`.
    """
    with _auditing(workspace):
        if not _known(dataset, audit, workspace):
            if len(dataset.listing) >= MANY:
                print(
                    f"looking once for twins{' and overlaps' if audit.overlaps else ''} among all "
                    f"{len(dataset.listing):,} images, whatever split.images is; this takes minutes"
                )
            _audit(dataset, audit, workspace)
        return _with_relations(dataset, audit, workspace)


def _auditing(workspace: Path) -> FileLock:
    """Return the lock that a process holds while it writes or reads an audit in the workspace."""
    return FileLock(workspace / ".audit.lock")


def _audit(dataset: Dataset, audit: Audit, workspace: Path) -> tuple[Twins, Overlaps | None]:
    listing = dataset.listing
    # This file marks the others as complete, so it is deleted first and written last.
    remove_file(workspace / AUDITED)
    twins = find_twins(
        listing,
        dataset.folder,
        size=audit.size,
        threshold=audit.threshold,
        min_contrast=audit.min_contrast,
    )
    overlaps = None
    if audit.overlaps:
        size = dataset.image_size
        overlaps = find_overlaps(listing, dataset.folder, audit.overlaps, size=size)
    shifted = overlaps.pairs if overlaps else no_overlaps()
    table = listing[["path"]].assign(
        group=group_images(len(listing), twins.pairs),
        overlap_group=group_images(len(listing), pd.concat([twins.pairs, shifted])),
    )
    write_text(workspace / PAIRS, twins.pairs.to_csv(index=False))
    write_text(workspace / OVERLAPS, shifted.to_csv(index=False))
    write_text(workspace / GROUPS, table.to_csv(index=False))
    vouched = _vouched_for(dataset, audit, workspace)
    write_text(workspace / AUDITED, json.dumps(vouched) + "\n")
    return twins, overlaps


def _known(dataset: Dataset, audit: Audit, workspace: Path) -> bool:
    def fits(folder: Path) -> bool:
        return _audited_as_wanted(dataset, audit, folder)

    files = (PAIRS, OVERLAPS, GROUPS, AUDITED)
    return fits(workspace) or take_over(workspace, files, fits)


def _audited_as_wanted(dataset: Dataset, audit: Audit, workspace: Path) -> bool:
    """Return whether the last audit had these images and settings and its files are intact."""
    try:
        made = json.loads((workspace / AUDITED).read_text(encoding="utf-8"))
        return bool(made == _vouched_for(dataset, audit, workspace))
    except (OSError, ValueError):
        return False


def _vouched_for(dataset: Dataset, audit: Audit, workspace: Path) -> dict[str, object]:
    """Return the images and settings of the audit, and the SHA-256 of each file it wrote."""
    found_by = {"size", "threshold", "min_contrast", "overlaps"}
    return {
        "images": dataset.fingerprint,
        **audit.model_dump(include=found_by),
        "files": checksums(workspace, (PAIRS, OVERLAPS, GROUPS)),
    }


def _with_relations(dataset: Dataset, audit: Audit, workspace: Path) -> Dataset:
    groups = workspace / GROUPS
    relations = Relations(
        twins=read_pairs(workspace / PAIRS),
        overlaps=read_overlaps(workspace / OVERLAPS) if audit.overlaps else None,
        twin_groups=read_groups(groups, dataset.listing, "group"),
        related_groups=read_groups(groups, dataset.listing, "overlap_group"),
    )
    return dataclasses.replace(dataset, relations=relations)
