"""The relations among a dataset's images: looked for once, and found again after that."""

import dataclasses
import json
from pathlib import Path

import pandas as pd
from filelock import FileLock

from src.config.schema import Audit
from src.data.dataset import Dataset
from src.data.files import write_text
from src.data.related.groups import group_images, read_groups, read_overlaps, read_pairs
from src.data.related.overlaps import Overlaps, find_overlaps, no_overlaps
from src.data.related.relations import Relations
from src.data.related.twins import Twins, find_twins


def audit_dataset(
    dataset: Dataset, audit: Audit, workspace: Path
) -> tuple[Dataset, Twins, Overlaps | None]:
    """Find twins and overlaps, and write them and what they were found by into the workspace.

    Returns:
        The dataset with its relations, and all that was found.
    """
    with _auditing(workspace):
        twins, overlaps = _audit(dataset, audit, workspace)
        return _with_relations(dataset, audit, workspace), twins, overlaps


def audited_dataset(dataset: Dataset, audit: Audit, workspace: Path) -> Dataset:
    """The dataset with its relations, which are looked for first where that is needed."""
    with _auditing(workspace):
        made = workspace / "audit.json"
        by = _audited_by(dataset, audit)
        if not made.exists() or json.loads(made.read_text(encoding="utf-8")) != by:
            _audit(dataset, audit, workspace)
        return _with_relations(dataset, audit, workspace)


def _auditing(workspace: Path) -> FileLock:
    """A lock for the one process that audits into the workspace, or reads what was found."""
    return FileLock(workspace / ".audit.lock")


def _audit(dataset: Dataset, audit: Audit, workspace: Path) -> tuple[Twins, Overlaps | None]:
    listing = dataset.listing
    # This file vouches for the others, so it goes first and is written last.
    (workspace / "audit.json").unlink(missing_ok=True)
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
    write_text(workspace / "pairs.csv", twins.pairs.to_csv(index=False))
    write_text(workspace / "overlaps.csv", shifted.to_csv(index=False))
    write_text(workspace / "groups.csv", table.to_csv(index=False))
    write_text(workspace / "audit.json", json.dumps(_audited_by(dataset, audit)) + "\n")
    return twins, overlaps


def _audited_by(dataset: Dataset, audit: Audit) -> dict[str, object]:
    found_by = {"size", "threshold", "min_contrast", "overlaps"}
    return {"images": dataset.fingerprint, **audit.model_dump(include=found_by)}


def _with_relations(dataset: Dataset, audit: Audit, workspace: Path) -> Dataset:
    groups = workspace / "groups.csv"
    relations = Relations(
        twins=read_pairs(workspace / "pairs.csv"),
        overlaps=read_overlaps(workspace / "overlaps.csv") if audit.overlaps else None,
        twin_groups=read_groups(groups, dataset.listing, "group"),
        related_groups=read_groups(groups, dataset.listing, "overlap_group"),
    )
    return dataclasses.replace(dataset, relations=relations)
