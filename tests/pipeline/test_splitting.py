"""A dataset is split by what it keeps together, or by the manifest that is named."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from src.data.splits.leakage import leakage
from src.data.splits.manifest import PARTS
from src.errors import InputError
from src.pipeline import splitting
from src.pipeline.auditing import audited_dataset
from src.pipeline.splitting import split_anew, split_dataset
from tests.sections import changed


@pytest.fixture(scope="module")
def audited(tmp_path_factory, composed, crops):
    return audited_dataset(crops, composed().audit, tmp_path_factory.mktemp("audited"))


@pytest.mark.slow
def test_split_overlap_keeps_crops_of_one_photo_together(composed, audited):
    whole = split_dataset(audited, composed("split=overlap").split)
    assert (whole.manifest.groupby("group").part.nunique() == 1).all()
    assert set(whole.manifest.part) == {"train", "validation", "test"}
    leaks = leakage(whole)
    assert leaks["all"] == leaks["overlap.all"] == 0

    torn = split_dataset(audited, composed("split=grouped").split)
    assert torn.manifest.group.tolist() == list(range(60))
    leaks = leakage(torn)
    assert leaks["all"] == 0
    assert leaks["overlap.all"] > 0.5


def test_no_leakage_of_overlaps_is_told_where_they_were_not_looked_for(tmp_path, composed, crops):
    audit = changed(composed().audit, overlaps=None)
    dataset = split_dataset(audited_dataset(crops, audit, tmp_path), composed().split)
    assert leakage(dataset) == {"all": 0, "Negative": 0, "Positive": 0}


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("00-0.jpg,0,train\n01-0.jpg,1,validation\nc.jpg,1,test\n", "c.jpg is not among the ima"),
        (
            "00-0.jpg,1,train\n01-0.jpg,1,validation\n02-0.jpg,0,test\n",
            "00-0.jpg has the label 1, and among the images it has the label 0: split again",
        ),
    ],
)
def test_manifest_of_other_images_or_labels_is_refused(
    tmp_path, composed, audited, images, message
):
    path = tmp_path / "split.csv"
    path.write_text(f"path,label,part\n{images}", encoding="utf-8")
    with pytest.raises(InputError, match=rf"split\.csv: {message}"):
        split_dataset(audited, changed(composed().split, manifest=str(path)))


def test_a_manifest_is_taken_as_it_is_but_by_those_who_write_it_anew(tmp_path, composed, audited):
    path = tmp_path / "split.csv"
    path.write_text(
        "path,label,part\n02-1.jpg,0,train\n03-0.jpg,1,train\n01-0.jpg,1,validation\n"
        "04-0.jpg,0,validation\n02-0.jpg,0,test\n05-0.jpg,1,test\n",
        encoding="utf-8",
    )
    split = changed(composed("split=overlap").split, manifest=str(path))
    given = split_dataset(audited, split)
    assert given.manifest.part.tolist() == [part for part in PARTS for _ in range(2)]
    assert given.manifest.group.tolist() == [6, 9, 3, 12, 6, 15]
    anew = split_anew(audited, split)
    pd.testing.assert_frame_equal(
        anew.manifest, split_dataset(audited, composed("split=overlap").split).manifest
    )


@pytest.mark.parametrize("strategy", ["random", "grouped", "overlap"])
def test_the_images_of_a_part_are_found_by_row_path_and_related_group(composed, audited, strategy):
    dataset = split_dataset(audited, composed(f"split={strategy}").split)
    total = 0
    for name in ("train", "validation", "test"):
        part, images = dataset.part(name), dataset.images_of(name)
        total += len(part.rows)
        assert [path.name for path in part.paths] == audited.listing.path[part.rows].tolist()
        assert images.path.tolist() == audited.listing.path[part.rows].tolist()
        assert part.labels.tolist() == audited.listing.label[part.rows].tolist()
        assert images.group.tolist() == [3 * (row // 3) for row in part.rows]
    assert total == 60


def test_images_of_one_photograph_stay_together_even_if_nothing_relates_them(composed, audited):
    listing = audited.listing.assign(photo="crops/" + audited.listing.path.str[:2])
    dataset = dataclasses.replace(audited, listing=listing)
    kept = split_dataset(dataset, composed("split=grouped").split)
    assert kept.manifest.group.tolist() == [3 * (row // 3) for row in range(60)]
    assert (kept.manifest.groupby("group").part.nunique() == 1).all()
    assert leakage(kept)["photo.all"] == 0
    assert leakage(split_dataset(dataset, composed("split=random").split))["photo.all"] > 0.5


def test_a_source_without_a_test_image_is_told(composed, audited, heard):
    """The source "rare" has the three crops of one photo, which stay in one part."""
    source = np.where(np.arange(60) < 3, "rare", "common")
    dataset = dataclasses.replace(audited, listing=audited.listing.assign(source=source))
    for seed in range(4):
        messages = heard(splitting)
        whole = split_dataset(dataset, composed("split=overlap", f"split.seed={seed}").split)
        untested = "rare" not in whole.manifest.source[whole.manifest.part == "test"].tolist()
        assert [text.partition(",")[0] for text in messages] == [
            "no test image is from rare"
        ] * untested
    messages = heard(splitting)
    split_dataset(dataset, composed("split=overlap", "split.train_only=[rare]").split)
    assert messages == []


def test_identical_files_of_both_classes_are_told(composed, audited, heard):
    listing = audited.listing.copy()
    last = len(listing) - 1
    assert listing.label[0] != listing.label[last]
    messages = heard(splitting)
    split_anew(audited, composed("split=grouped").split)
    assert messages == []
    listing.loc[last, "sha256"] = listing.sha256[0]
    split_anew(dataclasses.replace(audited, listing=listing), composed("split=grouped").split)
    (message,) = messages
    assert message.startswith("2 files are identical to one of the other class, such as ")
    assert {listing.path[0], listing.path[last]} <= set(message.replace(":", "").split())


def test_a_source_is_held_out(composed, audited):
    """Photos 0 to 9 are of one source, and the rest of another; one crop strays to the other."""
    source = np.where(np.arange(60) < 30, "one", "other")
    source[29] = "other"
    dataset = dataclasses.replace(audited, listing=audited.listing.assign(source=source))
    split = composed("split=held_out", "split.source=one", "split.folds=4").split
    held = split_dataset(dataset, split)
    assert set(held.manifest[held.manifest.part == "test"].source) == {"one"}
    assert (held.manifest.part == "test").sum() == 29
    # The stray crop overlaps one of the held-out source.
    assert audited.listing.path[29] not in set(held.manifest.path)
    assert (held.manifest.groupby("group").part.nunique() == 1).all()
    assert (held.manifest.part == "validation").sum() in (6, 9)
    assert leakage(held)["overlap.all"] == 0
    with pytest.raises(InputError, match=r"split\.source=two is not a source .*: one, other$"):
        split_dataset(dataset, changed(split, source="two"))
    with pytest.raises(InputError, match=r"split\.source=crops is the only source"):
        split_dataset(audited, changed(split, source="crops"))
