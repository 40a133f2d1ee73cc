"""The manifest: the table that says which images are for training, validation and test."""

import hashlib
from pathlib import Path

import pandas as pd

from src.data.files import write_text
from src.data.vouching import SPLIT_NOTE, refuse_changed
from src.errors import InputError

PARTS = ("train", "validation", "test")


def write_manifest(manifest: pd.DataFrame, path: Path) -> None:
    """Write a manifest as CSV.

    Raises:
        InputError: the file cannot be written.
    """
    write_text(path, manifest.to_csv(index=False))


def read_manifest(path: Path) -> pd.DataFrame:
    """Read and check a manifest.

    Raises:
        InputError: the file is missing, is not a table or lacks a column. It is also raised if a
            part is unknown or has no image. Labels other than 0 and 1 and repeated images are
            refused, too. So is a manifest that has changed since src.split wrote it.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such manifest; `python -m src.split` writes it")
    refuse_changed(path, SPLIT_NOTE)
    kinds = {"path": "str", "label": "int64", "part": "str"}
    try:
        manifest = pd.read_csv(path, dtype=kinds, keep_default_na=False)
    except ValueError as error:
        raise InputError(f"{path}: not a manifest ({error}): split again") from error
    missing = set(kinds) - set(manifest.columns)
    if missing:
        raise InputError(f"{path}: not a manifest: it has no column {', '.join(sorted(missing))}")
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
    """Compute the SHA-256 (hex) of a manifest in its CSV form."""
    return hashlib.sha256(manifest.to_csv(index=False).encode()).hexdigest()
