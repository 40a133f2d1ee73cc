"""Groups of related images are never torn apart."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.config.schema import Config, GroupedSplit
from src.data.splits.grouped_split import split_by_group
from src.data.splits.manifest import read_manifest, write_manifest
from src.errors import InputError
from tests.data.listings import grouped, make_listing
from tests.sections import changed


@pytest.fixture(scope="module")
def published(composed: Callable[..., Config]) -> GroupedSplit:
    """The settings of a split with the fractions 60:20:20."""
    split = composed("split=grouped").split
    assert isinstance(split, GroupedSplit)
    return split


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    made=grouped(),
    shares=st.sampled_from([(0.6, 0.2, 0.2), (0.8, 0.1, 0.1), (0.7, 0.15, 0.15), (0.5, 0.3, 0.2)]),
    seed=st.integers(0, 99),
    fold=st.integers(0, 2),
)
def test_no_group_is_torn_and_the_parts_have_their_size_and_classes(
    published: GroupedSplit,
    made: tuple[pd.DataFrame, np.ndarray],
    shares: tuple[float, float, float],
    seed: int,
    fold: int,
) -> None:
    listing, groups = made
    fractions = dict(zip(("train", "validation", "test"), shares, strict=True))
    split = changed(published, **fractions, seed=seed, fold=fold)
    manifest = split_by_group(listing, groups, split)
    assert manifest.path.tolist() == listing.path.tolist()
    assert manifest.group.tolist() == groups.tolist()
    assert (manifest.groupby("group").part.nunique() == 1).all()
    for part, fraction in fractions.items():
        labels = manifest.label[manifest.part == part]
        assert abs(len(labels) - fraction * len(listing)) <= 0.01 * len(listing)
        assert abs(labels.sum() - fraction * listing.label.sum()) <= 0.01 * len(listing)


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(made=grouped(), seed=st.integers(0, 99))
def test_over_all_folds_each_image_is_tested_and_validated_once(
    published: GroupedSplit, made: tuple[pd.DataFrame, np.ndarray], seed: int
) -> None:
    listing, groups = made
    folds = [
        split_by_group(listing, groups, changed(published, seed=seed, fold=fold))
        for fold in range(5)
    ]
    assert each_is_tested_once(folds, listing)
    for one, following in zip(folds, folds[1:] + folds[:1], strict=True):
        assert ((one.part == "validation") == (following.part == "test")).all()


def test_a_test_part_of_several_folds_moves_on_by_as_many(published: GroupedSplit) -> None:
    listing, groups = make_listing(np.arange(200) % 2), np.arange(200) // 2
    # 10 folds: 5 of them train, 3 validate and 2 test.
    split = changed(published, train=0.5, validation=0.3, test=0.2)
    folds = [split_by_group(listing, groups, changed(split, fold=fold)) for fold in range(5)]
    assert each_is_tested_once(folds, listing)


def each_is_tested_once(folds: list[pd.DataFrame], listing: pd.DataFrame) -> bool:
    tested = [path for manifest in folds for path in manifest.path[manifest.part == "test"]]
    return sorted(tested) == sorted(listing.path)


def test_of_identical_files_only_the_first_is_split_unless_all_are_wanted(
    published: GroupedSplit,
) -> None:
    contents = np.repeat(np.arange(50), 2)
    listing = make_listing(np.repeat([0, 1], 50), contents)
    manifest = split_by_group(listing, contents, published)
    assert manifest.path.tolist() == listing.path[::2].tolist()
    assert manifest.index.tolist() == list(range(50))
    every = split_by_group(listing, contents, changed(published, unique=False))
    assert every.path.tolist() == listing.path.tolist()
    assert (every.groupby("group").part.nunique() == 1).all()


def test_a_sample_is_stratified_and_keeps_its_groups(published: GroupedSplit) -> None:
    listing, groups = make_listing(np.arange(400) % 4 // 3), np.arange(400) // 8
    manifest = split_by_group(listing, groups, changed(published, images=200))
    assert len(manifest) == 200
    assert manifest.label.sum() == 50
    assert (manifest.group == groups[[int(path[-9:-4]) for path in manifest.path]]).all()
    assert (manifest.groupby("group").part.nunique() == 1).all()
    assert manifest.path.str[-9:].is_monotonic_increasing


def test_the_seed_alone_decides(published: GroupedSplit) -> None:
    listing, groups = make_listing(np.arange(100) % 2), np.arange(100) // 2
    one, same, other = (
        split_by_group(listing, groups, changed(published, seed=seed, images=80))
        for seed in (1, 1, 2)
    )
    assert one.equals(same)
    assert not one.equals(other)


def test_the_manifest_survives_its_file(tmp_path: Path, published: GroupedSplit) -> None:
    manifest = split_by_group(make_listing(np.arange(60) % 2), np.arange(60), published)
    write_manifest(manifest, tmp_path / "split.csv")
    assert read_manifest(tmp_path / "split.csv").equals(manifest)


@pytest.mark.parametrize(
    ("images", "groups", "message"),
    [
        (61, np.arange(60), "split.images is 61, but there are only 60"),
        (None, np.zeros(60, int), "too few images.* needs 5 groups, and the 60 images form 1;"),
        (None, np.arange(60) % 2, "too few images.* needs 5 groups, and the 60 images form 2;"),
    ],
)
def test_what_cant_be_split_is_refused(
    published: GroupedSplit, images: int | None, groups: np.ndarray, message: str
) -> None:
    listing = make_listing(np.arange(60) % 2)
    with pytest.raises(InputError, match=message):
        split_by_group(listing, groups, changed(published, images=images))


def test_too_few_images_of_every_class_are_refused(published: GroupedSplit) -> None:
    with pytest.raises(InputError, match="too few images"):
        split_by_group(make_listing(np.array([0, 0, 1, 1])), np.arange(4), published)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(made=grouped(), seed=st.integers(0, 99), fold=st.integers(0, 4))
def test_sources_for_training_only_leave_the_other_images_where_they_were(
    published: GroupedSplit, made: tuple[pd.DataFrame, np.ndarray], seed: int, fold: int
) -> None:
    listing, groups = made
    # Every seventh image is from another source, so most of its groups have images of both.
    listing = listing.assign(source=np.where(np.arange(len(listing)) % 7, "drawn", "mine"))
    split = changed(published, seed=seed, fold=fold)
    mine = (listing.source == "mine").to_numpy()
    alone = split_by_group(listing[~mine], groups[~mine], split).set_index("path")
    both = split_by_group(listing, groups, changed(split, train_only=["mine"])).set_index("path")
    assert both.loc[alone.index].equals(alone)
    added = both.drop(alone.index)
    assert set(added.part) == {"train"}
    held_out = set(alone.group[alone.part != "train"])
    left_out = set(listing.path[mine]) - set(added.index)
    group_of = dict(zip(listing.path, groups, strict=True))
    assert {group_of[path] for path in left_out} <= held_out
    assert not set(added.group) & held_out


def test_sources_for_training_only_must_exist_and_leave_something(published: GroupedSplit) -> None:
    listing, groups = make_listing(np.arange(20) % 2), np.arange(20)
    with pytest.raises(InputError, match="names theirs; the sources are: drawn"):
        split_by_group(listing, groups, changed(published, train_only=["theirs"]))
    with pytest.raises(InputError, match="nothing is left to test on"):
        split_by_group(listing, groups, changed(published, train_only=["drawn"]))


def test_copies_in_sources_for_training_only_take_nothing_from_the_test_part(
    published: GroupedSplit,
) -> None:
    labels, contents = np.repeat([0, 1], 20), np.arange(40)
    listing = make_listing(
        np.concatenate([labels[:10], labels]), np.concatenate([contents[:10], contents])
    )
    # The copies come first, so they would be kept in place of the tested images.
    listing = listing.assign(source=np.where(np.arange(50) < 10, "mine", "drawn"))
    tested = (listing.source == "drawn").to_numpy()
    groups = np.concatenate([contents[:10], contents])
    alone = split_by_group(listing[tested], groups[tested], published).set_index("path")
    both = split_by_group(listing, groups, changed(published, train_only=["mine"]))
    assert both.set_index("path").equals(alone)
