"""The leakage of a split that tears twins apart is measured."""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.config.schema import Config
from src.data.related.groups import group_images
from src.data.splits.grouped_split import split_by_group
from src.data.splits.leakage import leaked_share
from src.errors import InputError
from tests.data.listings import CLASSES, grouped, make_listing, make_pairs
from tests.sections import changed


def test_a_leak_is_a_twin_in_training_also_by_way_of_a_copy() -> None:
    # 0, 1: twins; 2, 3: copies; 4, 5: 5 is the twin of 4's copy 6; 7: alone; 8, 9: twins.
    listing = make_listing(np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1]))
    pairs = make_pairs(
        (0, 1, "mirrored"), (2, 3, "identical"), (4, 6, "identical"), (4, 5, "unflipped"),
        (8, 9, "transposed"),
    )  # fmt: skip
    parts = ["train", "test", "test", "train", None, "test", "train", "test", "test", "validation"]
    manifest = listing.assign(part=parts).dropna(subset="part").sample(frac=1, random_state=0)
    measured = leaked_share(manifest, listing, pairs, CLASSES)
    assert measured == {"all": 3 / 5, "Negative": 1, "Positive": 1 / 3}
    with pytest.raises(InputError, match=r"names Negative/00003\.jpg, which is not among"):
        leaked_share(manifest, listing.drop(index=3), pairs, CLASSES)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(made=grouped(), seed=st.integers(0, 99))
def test_a_split_by_groups_of_twins_does_not_leak_and_a_random_one_does(
    composed: Callable[..., Config], made: tuple[pd.DataFrame, np.ndarray], seed: int
) -> None:
    listing, chains = made
    order = pd.Series(np.arange(len(chains))).groupby(chains)
    links = [link for _, rows in order for link in itertools.pairwise(rows)]
    pairs = make_pairs(*((left, right, "mirrored") for left, right in links))
    groups = group_images(len(listing), pairs)
    kept = split_by_group(listing, groups, changed(composed().split, seed=seed))
    assert leaked_share(kept, listing, pairs, CLASSES)["all"] == 0
    torn = kept.assign(part=np.random.default_rng(seed).permutation(kept.part))
    part = torn.part.to_numpy()
    leaking = {
        one for link in links for one, other in (link, link[::-1])
        if part[one] == "test" and part[other] == "train"
    }  # fmt: skip
    expected = len(leaking) / (part == "test").sum()
    assert leaked_share(torn, listing, pairs, CLASSES)["all"] == pytest.approx(expected)
