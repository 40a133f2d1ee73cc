"""A dataset finds its parts; its listing and receipt read back, and a broken one is named."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.dataset import (
    Dataset,
    Receipt,
    Rejected,
    listing_fingerprint,
    read_listing,
    read_receipt,
    write_listing,
    write_receipt,
)
from src.data.related.relations import Relations
from src.errors import InputError

LISTING = pd.DataFrame(
    {
        "path": ["Negative/00001.jpg", "Positive/a, b.jpg", "Positive/ü.jpg"],
        "label": [0, 1, 1],
        "bytes": [4000, 5000, 6000],
        "sha256": ["1" * 64, "0e" * 32, "b" * 64],
        "source": ["metu", "NA", "metu"],
        "photo": ["metu/1", "NA/1", "metu/ü"],
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
    assert header == "path,label,bytes,sha256,source,photo"
    assert first == f"Negative/00001.jpg,0,4000,{'1' * 64},metu,metu/1"
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


def test_a_part_has_the_rows_of_its_images_in_the_manifests_order() -> None:
    manifest = pd.DataFrame(
        {"path": LISTING.path[[2, 0]], "label": [1, 0], "part": "test", "group": [7, 7]}
    )
    relations = Relations(pd.DataFrame(), None, np.arange(3), np.array([0, 1, 0]))
    dataset = Dataset(
        Path("data"), ["Negative", "Positive"], 227, LISTING, RECEIPT, relations, manifest
    )
    part = dataset.part("test")
    assert part.rows.tolist() == [2, 0]
    assert part.labels.tolist() == [1, 0]
    assert part.paths == [Path("data", "Positive/ü.jpg"), Path("data", "Negative/00001.jpg")]
    images = dataset.images_of("test")
    assert images.path.tolist() == ["Positive/ü.jpg", "Negative/00001.jpg"]
    # That of all related images, whatever the split kept together.
    assert images.group.tolist() == [0, 0]
    assert len(dataset.part("train").paths) == 0


def test_the_fingerprint_of_a_part_depends_on_its_images_only() -> None:
    def dataset(*parts: str, sha256: Sequence[str] = LISTING.sha256) -> Dataset:
        manifest = pd.DataFrame({"path": LISTING.path, "label": LISTING.label, "part": parts})
        listing = LISTING.assign(sha256=list(sha256))
        classes = ["Negative", "Positive"]
        return Dataset(Path("data"), classes, 227, listing, RECEIPT, manifest=manifest)

    one = dataset("train", "validation", "test").fingerprint_of("test")
    assert one == listing_fingerprint(LISTING.iloc[2:])
    assert one == dataset("validation", "train", "test").fingerprint_of("test")
    assert one != dataset("train", "test", "validation").fingerprint_of("test")
    other = ["0" * 64, *LISTING.sha256[1:]]
    assert one == dataset("train", "validation", "test", sha256=other).fingerprint_of("test")
    assert one != dataset("train", "validation", "test", sha256=other[::-1]).fingerprint_of("test")


def test_a_dataset_is_neither_audited_nor_split_at_first() -> None:
    dataset = Dataset(Path("data"), ["Negative", "Positive"], 227, LISTING, RECEIPT)
    assert dataset.manifest.empty
    assert dataset.relations.overlaps is None
    assert dataset.fingerprint == RECEIPT.fingerprint


def test_a_listing_of_an_older_version_is_to_be_fetched_again(tmp_path: Path) -> None:
    LISTING.drop(columns=["source", "photo"]).to_csv(tmp_path / "images.csv", index=False)
    with pytest.raises(InputError, match=r"images\.csv is not a listing .*: fetch again"):
        read_listing(tmp_path / "images.csv")


def test_images_of_one_photograph_share_a_group() -> None:
    manifest = pd.DataFrame({"path": LISTING.path, "label": LISTING.label, "part": "test"})
    relations = Relations(pd.DataFrame(), None, np.arange(3), np.arange(3))
    listing = LISTING.assign(photo=["metu/1", "NA/1", "metu/1"])
    dataset = Dataset(
        Path("data"), ["Negative", "Positive"], 227, listing, RECEIPT, relations, manifest
    )
    images = dataset.images_of("test")
    assert images.group.tolist() == [0, 1, 0]
    assert images.source.tolist() == ["metu", "NA", "metu"]
