"""Groups of related images, and what the audit counts of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
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
from src.errors import InputError
from tests.data.listings import CLASSES, make_listing, make_pairs


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
