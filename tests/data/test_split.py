"""The split: stratified, seeded, by file, every image in one part."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.splits.random_split import (
    manifest_fingerprint,
    part_counts,
    read_manifest,
    split_randomly,
    write_manifest,
)
from src.errors import InputError

FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}


def listing_of(negative: int, positive: int) -> pd.DataFrame:
    paths = [f"Negative/{i}.jpg" for i in range(negative)]
    paths += [f"Positive/{i}.jpg" for i in range(positive)]
    return pd.DataFrame({"path": paths, "label": [0] * negative + [1] * positive})


@given(st.integers(10, 300), st.integers(10, 300), st.integers(0, 2**31))
def test_parts_are_disjoint_complete_stratified_and_of_size(negative, positive, seed):
    listing = listing_of(negative, positive)
    manifest = split_randomly(listing, fractions=FRACTIONS, seed=seed, images=None)
    assert manifest.path.tolist() == listing.path.tolist()
    sizes = manifest.part.value_counts().to_dict()
    assert sizes == part_counts(len(listing), FRACTIONS)
    share = positive / len(listing)
    for _, part in manifest.groupby("part"):
        assert abs(part.label.sum() - share * len(part)) <= 1.5


def test_published_sizes():
    assert part_counts(40000, FRACTIONS) == {"train": 24000, "validation": 8000, "test": 8000}


def test_seed_decides():
    listing = listing_of(50, 50)
    splits = [
        split_randomly(listing, fractions=FRACTIONS, seed=seed, images=None) for seed in (0, 0, 1)
    ]
    prints = [manifest_fingerprint(split) for split in splits]
    assert prints[0] == prints[1] != prints[2]


def test_sample_is_stratified():
    manifest = split_randomly(listing_of(300, 100), fractions=FRACTIONS, seed=0, images=80)
    assert manifest.label.value_counts().to_dict() == {0: 60, 1: 20}


def test_asking_for_more_than_there_is():
    with pytest.raises(InputError, match=r"split\.images is 50, but there are only 20"):
        split_randomly(listing_of(10, 10), fractions=FRACTIONS, seed=0, images=50)


def test_too_few_images_of_a_class():
    with pytest.raises(InputError, match="too few images to split"):
        split_randomly(listing_of(20, 1), fractions=FRACTIONS, seed=0, images=None)


def test_manifest_survives_writing(tmp_path):
    manifest = split_randomly(listing_of(20, 20), fractions=FRACTIONS, seed=0, images=None)
    path = tmp_path / "split.csv"
    write_manifest(manifest, path)
    assert manifest_fingerprint(read_manifest(path)) == manifest_fingerprint(manifest)
    assert [file.name for file in tmp_path.iterdir()] == ["split.csv"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na,0\n", "it has no column part"),
        ("path,label,part\na,0,train\nb,0,test\n", "the parts are"),
        (
            "path,label,part\na,0,train\na,0,test\nb,1,validation\n",
            "a stands there twice",
        ),
        ("", "not a manifest .*: split again"),
        ("path,label,part\na,0,train\nb,1,validation\nc,1,test,x\n", "not a manifest .* line 4"),
        ("path,label,part\na,0,train\nb,1,validation\nc,Positive,test\n", "manifest .*'Positive'"),
        ("path,label,part\na,0,train\nb,1,validation\nc,1,test\nd,1,\n", r"the parts are \['', "),
        ("path,label,part\na,0,train\nb,1,validation\nc,2,test\n", "c has the label 2, and must"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, text, message):
    path = tmp_path / "split.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_manifest(path)
    assert "split.csv" in str(error.value)


def test_missing_manifest_is_named(tmp_path):
    with pytest.raises(InputError, match=r"split\.csv: no such manifest"):
        read_manifest(tmp_path / "split.csv")
