"""A fetch checks every image, accounts for each, and is all or nothing on disk."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from src.config.source_schema import Synthetic
from src.data.dataset import Receipt, Rejected
from src.data.sources.collection import collect_images
from src.data.sources.synthetic import SyntheticSource
from src.errors import InputError
from tests.data.sources.fetching import OLD, Files, fetched, on_disk
from tests.data.sources.samples import (
    CLASSES,
    NAMES,
    dataset,
    encode,
    jpeg,
    lay_out,
    picture,
    section,
)

BAD = {
    "Negative/cut.jpg": jpeg()[:-100],
    "Positive/grey.jpg": encode(picture().convert("L")),
    "Positive/large.jpg": encode(picture(width=300)),
    "Positive/notes.txt": b"?",
}


def test_listing_and_receipt_account_for_every_image(tmp_path: Path) -> None:
    files = dataset(NAMES)
    listing, receipt = fetched(tmp_path, files, name="drawn")
    assert on_disk(tmp_path) == files
    assert listing.to_dict("records") == [
        {
            "path": name,
            "label": CLASSES.index(name.split("/")[0]),
            "bytes": len(files[name]),
            "sha256": hashlib.sha256(files[name]).hexdigest(),
            "source": "drawn",
            "photo": f"drawn/{name}",
        }
        for name in sorted(NAMES)
    ]
    lines = "".join(f"{row.sha256}  {row.path}\n" for row in listing.itertuples())
    assert receipt == Receipt(
        source="memory",
        counts={"Negative": 2, "Positive": 2},
        rejected=(),
        resized=0,
        fingerprint=hashlib.sha256(lines.encode()).hexdigest(),
    )


def test_the_label_is_the_place_in_the_classes(tmp_path: Path) -> None:
    listing, receipt = fetched(tmp_path, dataset(NAMES), classes=["Positive", "Negative"])
    labels = dict(zip(listing["path"], listing["label"], strict=True))
    assert (labels["Positive/00001.jpg"], labels["Negative/00001.jpg"]) == (0, 1)
    assert list(receipt.counts) == ["Positive", "Negative"]


def test_bad_images_are_left_out_with_their_reason(tmp_path: Path) -> None:
    listing, receipt = fetched(tmp_path, dataset(NAMES) | BAD)
    assert on_disk(tmp_path) == dataset(NAMES)
    assert list(listing["path"]) == sorted(NAMES)
    assert [item.path for item in receipt.rejected] == sorted(BAD)
    assert receipt.rejected[1:] == (
        Rejected("Positive/grey.jpg", "grey, not RGB"),
        Rejected("Positive/large.jpg", "300 x 227 pixels, not 227 x 227"),
        Rejected("Positive/notes.txt", "not a JPEG"),
    )
    assert receipt.rejected[0].reason.startswith("truncated or damaged: ")


def test_resized_images_are_counted_and_listed_as_they_are_kept(tmp_path: Path) -> None:
    listing, receipt = fetched(tmp_path, dataset(NAMES) | BAD, resize=True)
    assert (receipt.resized, len(receipt.rejected)) == (1, 3)
    kept = on_disk(tmp_path)
    assert kept["Positive/large.jpg"] != BAD["Positive/large.jpg"]
    sha256 = dict(zip(listing["path"], listing["sha256"], strict=True))
    assert sha256 == {name: hashlib.sha256(data).hexdigest() for name, data in kept.items()}


@pytest.mark.parametrize(
    ("files", "minimum_images", "problem"),
    [
        (
            {"Negative/1.jpg": jpeg(), **BAD},
            1,
            r"memory: a class has no usable image \(found 1 Negative, 0 Positive; left out 4: "
            r"Negative/cut.jpg: truncated .*; Positive/grey.jpg: grey, not RGB; ",
        ),
        (
            dataset(NAMES),
            40_000,
            r"fewer than 40,000 usable images \(data\.minimum_images\) \(found 2 Negative, 2 "
            r"Positive; left out 0\)\.",
        ),
        ({f"Negative/{i}.jpg": b"" for i in range(7)}, 1, "Negative/4.jpg: .* and 2 more"),
        (None, 1, "memory has no files"),
    ],
)
@pytest.mark.parametrize("old", [{}, OLD])
def test_too_few_images_are_an_error_that_leaves_all_as_it_was(
    tmp_path: Path,
    files: dict[str, bytes] | None,
    minimum_images: int,
    problem: str,
    old: dict[str, bytes],
) -> None:
    if old:
        fetched(tmp_path, old)
    with pytest.raises(InputError, match=problem):
        fetched(tmp_path, files, minimum_images=minimum_images)
    assert on_disk(tmp_path) == old


def test_a_new_fetch_replaces_the_old_images(tmp_path: Path) -> None:
    fetched(tmp_path, OLD)
    fetched(tmp_path, dataset(NAMES))
    fetched(tmp_path, dataset(NAMES) | OLD)
    assert on_disk(tmp_path) == dataset(NAMES) | OLD


def test_a_link_stays_and_the_images_come_into_its_folder(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "disk" / "images").mkdir(parents=True)
    (tmp_path / "work" / "data").symlink_to(tmp_path / "disk" / "images")
    for files in (dataset(NAMES), dataset(NAMES) | OLD):
        fetched(tmp_path, files)
        assert on_disk(tmp_path) == files
        assert (tmp_path / "work" / "data").is_symlink()
        assert (tmp_path / "disk" / "images" / NAMES[0]).is_file()


def test_a_mounted_disk_is_told_before_the_images_are_collected() -> None:
    data = section(Path("/proc"))
    with pytest.raises(InputError, match="a disk is mounted at /proc"):
        collect_images(Files(dataset(NAMES)), data, reuse=False)


def test_images_that_no_fetch_put_there_are_not_replaced(tmp_path: Path) -> None:
    lay_out(tmp_path / "work" / "data", OLD)
    message = r"data would be replaced, but holds Negative/old\.jpg and 1 more, which no fetch put"
    with pytest.raises(InputError, match=message):
        fetched(tmp_path, dataset(NAMES))
    assert on_disk(tmp_path) == OLD


@pytest.mark.parametrize(
    "own", ["thesis.tex", "Positive/mine.jpg", "Positive/old.jpg", "Positive/link.jpg"]
)
def test_fetched_images_are_not_replaced_with_a_file_of_ones_own_among_them(
    tmp_path: Path, own: str
) -> None:
    fetched(tmp_path, OLD)
    file = tmp_path / "work" / "data" / own
    if "link" in own:
        file.symlink_to(tmp_path / "gone.jpg")
    else:
        file.write_bytes(jpeg(7))
    kept = on_disk(tmp_path)
    with pytest.raises(InputError, match=rf"data would be replaced, but holds {own}, which no"):
        fetched(tmp_path, dataset(NAMES))
    assert on_disk(tmp_path) == kept
    assert file.is_symlink() == ("link" in own)


def test_a_file_in_place_of_the_folder_is_not_replaced(tmp_path: Path) -> None:
    lay_out(tmp_path / "work", {"data": b"..."})
    with pytest.raises(InputError, match="data is not a folder: choose another"):
        fetched(tmp_path, dataset(NAMES))
    assert (tmp_path / "work" / "data").read_bytes() == b"..."


def test_a_folder_that_has_come_back_empty_or_in_part_is_filled(tmp_path: Path) -> None:
    (tmp_path / "work" / "data" / "Negative").mkdir(parents=True)
    fetched(tmp_path, OLD)
    (tmp_path / "work" / "data" / "Negative" / "old.jpg").unlink()
    fetched(tmp_path, dataset(NAMES), reuse=True)
    assert on_disk(tmp_path) == dataset(NAMES)


def test_images_that_are_there_are_checked_and_not_fetched(tmp_path: Path) -> None:
    files = dataset(NAMES) | BAD
    cache = lay_out(tmp_path / "cache", files)
    for name in files:  # as DVC restores them: read-only, linked to its cache
        (cache / name).chmod(0o444)
        (tmp_path / "work" / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / "data" / name).hardlink_to(cache / name)
    listing, receipt = fetched(tmp_path, None, reuse=True, resize=True)
    assert list(listing["path"]) == sorted(NAMES)
    assert [item.path for item in receipt.rejected] == sorted(BAD)
    assert receipt.resized == 0
    assert on_disk(tmp_path) == files


def test_the_same_images_give_the_same_receipt_fetched_or_restored(tmp_path: Path) -> None:
    listing, receipt = fetched(tmp_path, dataset(NAMES))
    listing_again, receipt_again = fetched(tmp_path, None, reuse=True)
    assert receipt_again == receipt
    pd.testing.assert_frame_equal(listing_again, listing)


def test_too_few_images_that_are_there_are_an_error(tmp_path: Path) -> None:
    lay_out(tmp_path / "work" / "data", OLD)
    with pytest.raises(InputError, match=r"fewer than 3 usable.* Delete .*data to fetch them"):
        fetched(tmp_path, dataset(NAMES), reuse=True, minimum_images=3)
    assert on_disk(tmp_path) == OLD


def test_synthetic_images_have_the_classes_names(tmp_path: Path) -> None:
    data = section(tmp_path / "data", images=4, image_size=64, classes=["whole", "cracked"])
    assert isinstance(data, Synthetic)
    dataset = collect_images(SyntheticSource(data), data, reuse=False)
    assert dataset.receipt.counts == {"whole": 2, "cracked": 2}


def test_synthetic_images_pass(tmp_path: Path) -> None:
    data = section(tmp_path / "work" / "data", images=4, seed=3)
    assert isinstance(data, Synthetic)
    fetched = collect_images(SyntheticSource(data), data, reuse=False)
    receipt = fetched.receipt
    assert receipt.counts == {"Negative": 2, "Positive": 2}
    assert receipt.source == "synthetic, 4 images, seed 3"
    assert sorted(on_disk(tmp_path)) == list(fetched.listing["path"])
