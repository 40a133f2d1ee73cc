"""Sources that are only for training change nothing about how the other images are split."""

from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.dataset import Dataset, Receipt
from src.data.related.groups import group_images
from src.data.related.relations import Relations
from src.pipeline.splitting import split_anew
from tests.sections import changed


@st.composite
def added_to(draw) -> tuple[Dataset, Dataset]:
    """A dataset, and the same with images of another source that are related to some of its own."""
    images, added = 80, draw(st.integers(1, 30))
    rows = pd.DataFrame({"label": np.arange(images + added) % 2, "sha256": range(images + added)})
    rows = rows.assign(source=np.where(rows.index < images, "base", "mine"))
    # The images of a source that comes first in the alphabet are the first of the listing.
    prefix = rows.source.map({"base": "m", "mine": draw(st.sampled_from("az"))})
    rows = rows.assign(path=[f"{one}{n:03}" for n, one in enumerate(prefix)])
    rows = rows.assign(photo=rows.path, sha256=rows.sha256.astype(str)).sort_values("path")
    whole = rows.reset_index(drop=True)
    pair = st.tuples(st.integers(0, len(whole) - 1), st.integers(0, len(whole) - 1))
    twins, overlaps = (
        pd.DataFrame(draw(st.lists(pair, max_size=15)), columns=["left", "right"], dtype="int64")
        for _ in range(2)
    )
    base = np.flatnonzero(whole.source == "base")
    row_of = pd.Series(np.arange(images), base)

    def among_base(pairs: pd.DataFrame) -> pd.DataFrame:
        inside = pairs[pairs.isin(base).all(axis=1)]
        return pd.DataFrame({end: row_of[inside[end]].to_numpy() for end in inside})

    return (
        related_dataset(
            whole.iloc[base].reset_index(drop=True), among_base(twins), among_base(overlaps)
        ),
        related_dataset(whole, twins, overlaps),
    )


def related_dataset(listing: pd.DataFrame, twins: pd.DataFrame, overlaps: pd.DataFrame) -> Dataset:
    every = pd.concat([twins, overlaps])
    groups = [group_images(len(listing), pairs) for pairs in (twins, every)]
    relations = Relations(twins, overlaps, *groups)
    receipt = Receipt("base", {"no": 0, "yes": 0}, (), 0, "")
    return Dataset(Path(), ("no", "yes"), 96, listing, receipt, relations)


@settings(max_examples=60, deadline=None)
@given(made=added_to(), strategy=st.sampled_from(["grouped", "overlap"]))
def test_added_images_move_no_other_and_show_nothing_that_is_held_out(composed, made, strategy):
    alone, whole = made
    split = composed(f"split={strategy}").split
    without = split_anew(alone, split).manifest.set_index("path")
    both = split_anew(whole, changed(split, train_only=["mine"])).manifest.set_index("path")
    kept = both.loc[without.index]
    assert kept.part.equals(without.part)
    # The numbers of groups may differ, and their images may not.
    numbers = pd.DataFrame({"one": without.group, "other": kept.group}).drop_duplicates()
    assert not numbers.one.duplicated().any()
    assert not numbers.other.duplicated().any()
    added = both.drop(without.index)
    assert set(added.part) <= {"train"}
    related = pd.Series(whole.relations.related_groups, whole.listing.path)
    assert not set(related[added.index]) & set(related[without.index[without.part != "train"]])
