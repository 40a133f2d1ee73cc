"""Groups of twins are never torn apart, and what the audit counts of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.related.groups import (
    count_twins,
    group_images,
    label_conflicts,
    read_groups,
    read_overlaps,
    read_pairs,
    summarise_overlaps,
    summarise_twins,
)
from src.data.related.overlaps import no_overlaps
from src.data.related.twins import Twins
from src.data.splits.grouped_split import split_by_group
from src.data.splits.random_split import read_manifest, write_manifest
from src.errors import InputError
from tests.data.listings import CLASSES, PUBLISHED, grouped, make_listing, make_pairs


@given(
    images=st.integers(1, 30),
    pairs=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40),
)
def test_twins_and_twins_of_twins_share_a_group_named_by_its_lowest_row(
    images: int, pairs: list[tuple[int, int]]
) -> None:
    links = [(a % images, b % images) for a, b in pairs]
    expected = np.arange(images)
    for _ in range(images):
        for a, b in links:
            expected[[a, b]] = expected[[a, b]].min()
    table = pd.DataFrame(links, columns=["left", "right"], dtype="int64")
    assert group_images(images, table).tolist() == expected.tolist()


@settings(max_examples=15, deadline=None)
@given(
    made=grouped(),
    shares=st.sampled_from([(0.6, 0.2, 0.2), (0.8, 0.1, 0.1), (0.7, 0.15, 0.15), (0.5, 0.3, 0.2)]),
    seed=st.integers(0, 99),
    fold=st.integers(0, 2),
)
def test_no_group_is_torn_and_the_parts_have_their_size_and_classes(
    made: tuple[pd.DataFrame, np.ndarray],
    shares: tuple[float, float, float],
    seed: int,
    fold: int,
) -> None:
    listing, groups = made
    fractions = dict(zip(PUBLISHED, shares, strict=True))
    manifest = split_by_group(listing, groups, fractions=fractions, seed=seed, fold=fold)
    assert manifest.path.tolist() == listing.path.tolist()
    assert manifest.group.tolist() == groups.tolist()
    assert (manifest.groupby("group").part.nunique() == 1).all()
    for part, fraction in fractions.items():
        labels = manifest.label[manifest.part == part]
        assert abs(len(labels) - fraction * len(listing)) <= 0.01 * len(listing)
        assert abs(labels.sum() - fraction * listing.label.sum()) <= 0.01 * len(listing)


@settings(max_examples=5, deadline=None)
@given(made=grouped(), seed=st.integers(0, 99))
def test_over_all_folds_each_image_is_tested_and_validated_once(
    made: tuple[pd.DataFrame, np.ndarray], seed: int
) -> None:
    listing, groups = made
    folds = [
        split_by_group(listing, groups, fractions=PUBLISHED, seed=seed, fold=fold)
        for fold in range(5)
    ]
    assert each_is_tested_once(folds, listing)
    for one, following in zip(folds, folds[1:] + folds[:1], strict=True):
        assert ((one.part == "validation") == (following.part == "test")).all()


def test_a_test_part_of_several_folds_moves_on_by_as_many() -> None:
    listing, groups = make_listing(np.arange(200) % 2), np.arange(200) // 2
    fractions = {"train": 0.5, "validation": 0.3, "test": 0.2}  # 10 folds: 5, 3 and 2
    folds = [
        split_by_group(listing, groups, fractions=fractions, seed=0, fold=fold) for fold in range(5)
    ]
    assert each_is_tested_once(folds, listing)
    with pytest.raises(InputError, match="from 0 to 4"):
        split_by_group(listing, groups, fractions=fractions, seed=0, fold=5)


def each_is_tested_once(folds: list[pd.DataFrame], listing: pd.DataFrame) -> bool:
    tested = [path for manifest in folds for path in manifest.path[manifest.part == "test"]]
    return sorted(tested) == sorted(listing.path)


def test_of_identical_files_only_the_first_is_split_unless_all_are_wanted() -> None:
    contents = np.repeat(np.arange(50), 2)
    listing = make_listing(np.repeat([0, 1], 50), contents)
    manifest = split_by_group(listing, contents, fractions=PUBLISHED, seed=0)
    assert manifest.path.tolist() == listing.path[::2].tolist()
    assert manifest.index.tolist() == list(range(50))
    every = split_by_group(listing, contents, fractions=PUBLISHED, seed=0, unique=False)
    assert every.path.tolist() == listing.path.tolist()
    assert (every.groupby("group").part.nunique() == 1).all()


def test_a_sample_is_stratified_and_keeps_its_groups() -> None:
    listing, groups = make_listing(np.arange(400) % 4 // 3), np.arange(400) // 8
    manifest = split_by_group(listing, groups, fractions=PUBLISHED, seed=0, images=200)
    assert len(manifest) == 200
    assert manifest.label.sum() == 50
    assert (manifest.group == groups[[int(path[-9:-4]) for path in manifest.path]]).all()
    assert (manifest.groupby("group").part.nunique() == 1).all()
    assert manifest.path.str[-9:].is_monotonic_increasing


def test_the_seed_alone_decides() -> None:
    listing, groups = make_listing(np.arange(100) % 2), np.arange(100) // 2
    one, same, other = (
        split_by_group(listing, groups, fractions=PUBLISHED, seed=seed, images=80)
        for seed in (1, 1, 2)
    )
    assert one.equals(same)
    assert not one.equals(other)


def test_the_manifest_survives_its_file(tmp_path: Path) -> None:
    listing = make_listing(np.arange(60) % 2)
    manifest = split_by_group(listing, np.arange(60), fractions=PUBLISHED, seed=0)
    write_manifest(manifest, tmp_path / "split.csv")
    assert read_manifest(tmp_path / "split.csv").equals(manifest)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fold": 5}, "split.fold is 5, and must be from 0 to 4"),
        ({"fold": -1}, "split.fold is -1"),
        ({"images": 61}, "split.images is 61, but there are only 60"),
        ({"images": 1}, "too few images"),
        ({"fractions": {"train": 0.67, "validation": 0.16, "test": 0.17}}, "equal folds"),
        ({"fractions": {"train": 0.8, "validation": 0, "test": 0.2}}, "equal folds"),
        ({"groups": np.zeros(60, int)}, "too few images.* number of groups"),
        ({"groups": np.arange(60) % 2}, "too few images.* number of groups"),
    ],
)
def test_what_cant_be_split_is_refused(options: dict[str, object], message: str) -> None:
    groups = options.pop("groups", np.arange(60))
    with pytest.raises(InputError, match=message):
        split_by_group(
            make_listing(np.arange(60) % 2),
            groups,
            **{"fractions": PUBLISHED, "seed": 0, **options},
        )


def test_too_few_images_of_every_class_are_refused() -> None:
    with pytest.raises(InputError, match="too few images"):
        split_by_group(
            make_listing(np.array([0, 0, 1, 1])), np.arange(4), fractions=PUBLISHED, seed=0
        )


def test_the_audit_counts_images_by_kind_of_twin_and_class() -> None:
    listing = make_listing(np.array([0, 0, 0, 1, 1, 1, 1, 1]))
    pairs = make_pairs(
        (0, 1, "identical"), (0, 2, "mirrored"), (3, 4, "mirrored"), (3, 4, "unflipped"),
        (3, 5, "mirrored"), (2, 6, "turned 180°"),
    )  # fmt: skip
    table = count_twins(listing, pairs, CLASSES)
    assert table.loc["identical"].tolist() == [2, 0, 2]
    assert table.loc["mirrored"].tolist() == [2, 3, 5]
    assert table.loc["unflipped"].tolist() == [0, 2, 2]
    assert table.loc["turned 180°"].tolist() == [1, 1, 2]
    assert table.loc["transposed"].tolist() == [0, 0, 0]
    assert table.loc["any"].tolist() == [2, 4, 6]
    groups = group_images(len(listing), pairs)
    assert groups.tolist() == [0, 0, 0, 3, 3, 3, 0, 7]
    conflicts = label_conflicts(listing, groups)
    assert conflicts.path.tolist() == [listing.path[row] for row in (0, 1, 2, 6)]
    assert set(conflicts.group) == {0}
    assert summarise_twins(listing, Twins(pairs, np.zeros((8, 7)), 1), groups) == {
        "images": 8,
        "extra_copies": 1,
        "unique_images": 7,
        "flat_images": 1,
        "images_with_twin": 6,
        "twin_share": 6 / 7,
        "groups": 3,
        "groups_of_several": 2,
        "share_in_groups": 7 / 8,
        "largest_group": 4,
        "mixed_groups": 1,
    }


def test_overlaps_are_counted_with_the_groups_that_they_and_the_twins_make() -> None:
    listing = make_listing(np.array([0, 0, 0, 1, 1, 1, 1, 1]))
    overlaps = make_pairs((0, 1, "unflipped"), (0, 3, "mirrored"))
    groups = group_images(8, pd.concat([overlaps, make_pairs((4, 5, "identical"))]))
    assert summarise_overlaps(listing, overlaps, groups) == {
        "overlap.pairs": 2,
        "overlap.images": 3,
        "overlap.groups": 5,
        "overlap.groups_of_several": 2,
        "overlap.share_in_groups": 5 / 8,
        "overlap.largest_group": 3,
        "overlap.mixed_groups": 1,
    }


def test_tables_survive_their_files_and_those_of_other_images_are_refused(tmp_path: Path) -> None:
    listing, groups = make_listing(np.array([0, 1, 1])), np.array([0, 1, 1])
    pairs = make_pairs((1, 2, "turned 90° left")).astype({"correlation": np.float32})
    pairs.to_csv(tmp_path / "pairs.csv", index=False)
    listing.assign(group=groups, other=[0, 0, 2]).to_csv(tmp_path / "groups.csv", index=False)
    overlaps = pairs.assign(down=-10, across=20, share=np.float32(0.5))[list(no_overlaps())]
    for table in (overlaps, no_overlaps()):
        table.to_csv(tmp_path / "overlaps.csv", index=False)
        pd.testing.assert_frame_equal(read_overlaps(tmp_path / "overlaps.csv"), table)
    pd.testing.assert_frame_equal(read_pairs(tmp_path / "pairs.csv"), pairs)
    assert read_groups(tmp_path / "groups.csv", listing).tolist() == [0, 1, 1]
    assert read_groups(tmp_path / "groups.csv", listing, "other").tolist() == [0, 0, 2]
    with pytest.raises(InputError, match=r"groups\.csv was made from other images"):
        read_groups(tmp_path / "groups.csv", listing[1:])
    with pytest.raises(InputError, match=r"none\.csv: no such file; run the audit stage"):
        read_pairs(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"groups\.csv can't be read"):
        read_pairs(tmp_path / "groups.csv")
