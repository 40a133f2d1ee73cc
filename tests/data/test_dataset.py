"""Listing and receipt read back as they were written, and a broken one is named."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.dataset import (
    Receipt,
    Rejected,
    listing_fingerprint,
    read_listing,
    read_receipt,
    write_listing,
    write_receipt,
)
from src.errors import InputError

LISTING = pd.DataFrame(
    {
        "path": ["Negative/00001.jpg", "Positive/a, b.jpg", "Positive/ü.jpg"],
        "label": [0, 1, 1],
        "bytes": [4000, 5000, 6000],
        "sha256": ["1" * 64, "0e" * 32, "b" * 64],
    }
)
RECEIPT = Receipt(
    source="local METU.rar",
    counts={"Negative": 1, "Positive": 2},
    rejected=(Rejected("Positive/ß.jpg", "empty file"), Rejected("Positive/x", "not a JPEG")),
    resized=1,
    fingerprint="c" * 64,
)


def test_a_listing_reads_back(tmp_path: Path) -> None:
    write_listing(LISTING, tmp_path / "out" / "listing.csv")
    header, first, *_ = (tmp_path / "out" / "listing.csv").read_text().splitlines()
    assert (header, first) == ("path,label,bytes,sha256", f"Negative/00001.jpg,0,4000,{'1' * 64}")
    pd.testing.assert_frame_equal(read_listing(tmp_path / "out" / "listing.csv"), LISTING)


def test_a_receipt_reads_back(tmp_path: Path) -> None:
    write_receipt(RECEIPT, tmp_path / "out" / "receipt.json")
    assert read_receipt(tmp_path / "out" / "receipt.json") == RECEIPT


@pytest.mark.parametrize("read", [read_listing, read_receipt])
def test_a_missing_file_names_the_stage_to_run(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    with pytest.raises(InputError, match="nothing: no such file; run the fetch stage first"):
        read(tmp_path / "nothing")


@pytest.mark.parametrize("text", ["", "path,label\na,1\n", "path,label,bytes,sha256\na,x,1,b\n"])
def test_what_is_no_listing_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "listing.csv").write_text(text)
    with pytest.raises(InputError, match=r"listing\.csv is not a listing of images"):
        read_listing(tmp_path / "listing.csv")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rejected": [1]}', '{"rejected": [], "a": 1}'])
def test_what_is_no_receipt_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "receipt.json").write_text(text)
    with pytest.raises(InputError, match=r"receipt\.json is not a receipt"):
        read_receipt(tmp_path / "receipt.json")


@given(st.permutations(range(len(LISTING))))
def test_the_fingerprint_does_not_depend_on_the_order(order: list[int]) -> None:
    assert listing_fingerprint(LISTING.iloc[order]) == listing_fingerprint(LISTING)


@pytest.mark.parametrize(("column", "value"), [("path", "Positive/c.jpg"), ("sha256", "d" * 64)])
def test_the_fingerprint_depends_on_names_and_content(column: str, value: str) -> None:
    changed = LISTING.copy()
    changed.loc[1, column] = value
    assert listing_fingerprint(changed) != listing_fingerprint(LISTING)
