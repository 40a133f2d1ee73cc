"""What the entry points share: each makes its part from the configuration, or finds it made."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from src.config import Config
from src.data.download import HttpPolicy
from src.data.fetch import Source, SyntheticSource, fetch
from src.data.files import write_text
from src.data.grouped_split import leak, split_by_group
from src.data.groups import group_images, read_groups, read_overlaps, read_pairs
from src.data.local import LocalSource, refuse_overlap
from src.data.mendeley import MendeleySource
from src.data.overlaps import Overlaps, find_overlaps, no_overlaps
from src.data.receipt import Receipt, read_listing, read_receipt, write_listing, write_receipt
from src.data.split import read_manifest, split_randomly
from src.data.twins import Twins, find_twins
from src.errors import InputError
from src.sections import GroupedSplit, Local, Mendeley


def image_source(config: Config) -> Source:
    """The source of images that the configuration names.

    Raises:
        InputError: a local source overlaps with the folder that its images are fetched into.
    """
    data = config.data
    if isinstance(data, Mendeley):
        return MendeleySource(
            api=data.api,
            direct_url=data.direct_url,
            dataset=data.dataset,
            version=data.version,
            filename=data.filename,
            size=data.size,
            sha256=data.sha256,
            downloads=Path(data.downloads),
            max_ratio=data.max_ratio,
            policy=HttpPolicy(**data.http.model_dump()),
        )
    if isinstance(data, Local):
        refuse_overlap(Path(data.path), Path(data.dir))
        return LocalSource(Path(data.path), data.max_ratio)
    return SyntheticSource(data.images, data.seed, data.image_size)


def fetch_images(config: Config) -> Receipt:
    """Fetch the images and write their listing and receipt into the workspace."""
    with _fetching(config):
        return _fetch(config)


def _fetching(config: Config) -> FileLock:
    """Held by the one process that fetches into the images' folder."""
    folder = Path(config.data.dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.with_name(f".{folder.name}.lock"))


def _fetch(config: Config) -> Receipt:
    data, workspace = config.data, Path(config.workspace)
    source = image_source(config)
    # Before the fetch, so that what changes during it is noticed by the next.
    state = source.state(data.classes)
    # Gone first and written last, as it vouches for the others.
    (workspace / "fetched.json").unlink(missing_ok=True)
    listing, receipt = fetch(
        source,
        target=Path(data.dir),
        classes=data.classes,
        image_size=data.image_size,
        resize=data.resize,
        minimum_images=data.minimum_images,
        # data.dvc pins the METU images, so those that are there are the right ones.
        reuse=isinstance(data, Mendeley),
    )
    write_listing(listing, workspace / "images.csv")
    write_receipt(receipt, workspace / "receipt.json")
    fetched = data.model_dump() | ({} if state is None else {"state": state})
    write_text(workspace / "fetched.json", json.dumps(fetched, indent=2) + "\n")
    return receipt


def fetched_images(config: Config) -> tuple[pd.DataFrame, Receipt]:
    """The listing and receipt of the images, which are fetched first if need be.

    That is where they are missing, were fetched under other settings, or have changed at their
    source since.

    Raises:
        InputError: the source can't be had or is no source, see `fetch`; or it has changed, and
            this is a stage of DVC, which may not fetch for the fetch stage.
    """
    workspace = Path(config.workspace)
    with _fetching(config):
        if not (Path(config.data.dir).exists() and _fetched_as_wanted(config)):
            _fetch(config)
        return read_listing(workspace / "images.csv"), read_receipt(workspace / "receipt.json")


def _fetched_as_wanted(config: Config) -> bool:
    """Whether the last fetch had these settings, and its source is as it was."""
    data, made = config.data, Path(config.workspace, "fetched.json")
    if not made.exists():
        return False
    fetched = json.loads(made.read_text())
    known = fetched.pop("state", None)
    if fetched != data.model_dump():
        return False
    source = image_source(config)
    unchanged = source.state(data.classes) in (None, known)
    if not unchanged and "DVC_STAGE" in os.environ:
        # What one stage has written is not for another to replace.
        raise InputError(
            f"{source.name} has changed since the fetch stage ran: "
            "`dvc repro --force fetch`, then `dvc repro`"
        )
    return unchanged


@dataclass(frozen=True)
class Audit:
    """What the audit found among the images of a listing.

    Attributes:
        twins: see `Twins.pairs`.
        overlaps: see `Overlaps.pairs`; None where none were looked for.
        groups: (n,) int64, the groups that the configured split keeps together: of overlaps and
            twins for `split=overlap`, else of twins.
        related: (n,) int64, the groups of overlaps and twins, whatever the split.
    """

    twins: pd.DataFrame
    overlaps: pd.DataFrame | None
    groups: np.ndarray
    related: np.ndarray


def audit_images(
    config: Config, listing: pd.DataFrame, receipt: Receipt
) -> tuple[Twins, Overlaps | None]:
    """Find twins and overlaps, and write pairs, groups and what they were found by."""
    with _auditing(config):
        return _audit(config, listing, receipt)


def _auditing(config: Config) -> FileLock:
    """Held by the one process that audits into the workspace, or reads what was found."""
    return FileLock(Path(config.workspace, ".audit.lock"))


def _audit(
    config: Config, listing: pd.DataFrame, receipt: Receipt
) -> tuple[Twins, Overlaps | None]:
    audit, images, workspace = config.audit, Path(config.data.dir), Path(config.workspace)
    # Gone first and written last, as it vouches for the others.
    (workspace / "audit.json").unlink(missing_ok=True)
    twins = find_twins(
        listing,
        images,
        size=audit.size,
        threshold=audit.threshold,
        min_contrast=audit.min_contrast,
    )
    overlaps, shifted = None, no_overlaps()
    if audit.overlaps:
        given = audit.overlaps.model_dump()
        overlaps = find_overlaps(listing, images, size=config.data.image_size, **given)
        shifted = overlaps.pairs
    table = listing[["path"]].assign(
        group=group_images(len(listing), twins.pairs),
        overlap_group=group_images(len(listing), pd.concat([twins.pairs, shifted])),
    )
    write_text(workspace / "pairs.csv", twins.pairs.to_csv(index=False))
    write_text(workspace / "overlaps.csv", shifted.to_csv(index=False))
    write_text(workspace / "groups.csv", table.to_csv(index=False))
    write_text(workspace / "audit.json", json.dumps(_audited_by(config, receipt)) + "\n")
    return twins, overlaps


def audited_images(config: Config, listing: pd.DataFrame, receipt: Receipt) -> Audit:
    """What the audit found among the images, which are audited first if need be."""
    workspace = Path(config.workspace)
    made = workspace / "audit.json"
    kept_together = "overlap_group" if config.split.strategy == "overlap" else "group"
    with _auditing(config):
        if not made.exists() or json.loads(made.read_text()) != _audited_by(config, receipt):
            _audit(config, listing, receipt)
        return Audit(
            read_pairs(workspace / "pairs.csv"),
            read_overlaps(workspace / "overlaps.csv") if config.audit.overlaps else None,
            read_groups(workspace / "groups.csv", listing, kept_together),
            read_groups(workspace / "groups.csv", listing, "overlap_group"),
        )


def _audited_by(config: Config, receipt: Receipt) -> dict[str, object]:
    found_by = {"size", "threshold", "min_contrast", "overlaps"}
    return {"images": receipt.fingerprint, **config.audit.model_dump(include=found_by)}


def make_split(config: Config, listing: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """Split the images as the configuration says; the manifest has each image's group."""
    split = config.split
    fractions = {"train": split.train, "validation": split.validation, "test": split.test}
    if isinstance(split, GroupedSplit):
        return split_by_group(
            listing,
            groups,
            fractions=fractions,
            seed=split.seed,
            images=split.images,
            fold=split.fold,
            unique=split.unique,
        )
    manifest = split_randomly(listing, fractions=fractions, seed=split.seed, images=split.images)
    return with_groups(manifest, listing, groups)


def measure_leaks(
    config: Config, manifest: pd.DataFrame, listing: pd.DataFrame, audit: Audit
) -> dict[str, float]:
    """`leak` of twins and, named `overlap.…` and if looked for, of overlaps and twins together."""
    classes = config.data.classes
    leaks = leak(manifest, listing, audit.twins, classes)
    if audit.overlaps is not None:
        either = pd.concat([audit.twins, audit.overlaps])
        shares = leak(manifest, listing, either, classes)
        leaks |= {f"overlap.{name}": share for name, share in shares.items()}
    return leaks


def split_manifest(config: Config, listing: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """The manifest that the configuration names, or one made for this run alone.

    Raises:
        InputError: the manifest named is none, or has an image that is not in the listing or has
            another label there; or the images can't be split as configured.
    """
    if given := config.split.manifest:
        manifest = read_manifest(Path(given))
        unknown = manifest.path[~manifest.path.isin(listing.path)]
        if len(unknown):
            raise InputError(f"{given}: {unknown.iloc[0]} is not among the images: split again")
        label_of = listing.set_index("path").label
        other = manifest[manifest.label.to_numpy() != label_of[manifest.path].to_numpy()]
        if len(other):
            image = other.iloc[0]
            raise InputError(
                f"{given}: {image.path} has the label {image.label}, and among the images "
                f"{label_of[image.path]}: split again"
            )
        return with_groups(manifest, listing, groups)
    return make_split(config, listing, groups)


def with_groups(manifest: pd.DataFrame, listing: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """The manifest with the `group` of each of its images.

    Args:
        manifest: some or all images of the listing.
        listing: the images that the groups are of.
        groups: (n,) int.
    """
    group_of = pd.Series(groups, index=listing.path)
    return manifest.assign(group=group_of[manifest.path].to_numpy())
