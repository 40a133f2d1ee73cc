"""The split: stratified, seeded, every image in one part."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.splits.random_split import part_counts, split_randomly
from src.errors import InputError
from tests.sections import changed


@pytest.fixture(scope="module")
def published(composed):
    """The settings of a split with the fractions 60:20:20."""
    return composed("split=random").split


def listing_of(negative: int, positive: int) -> pd.DataFrame:
    paths = [f"Negative/{i}.jpg" for i in range(negative)]
    paths += [f"Positive/{i}.jpg" for i in range(positive)]
    return pd.DataFrame({"path": paths, "label": [0] * negative + [1] * positive})


@pytest.mark.slow
@given(st.integers(10, 300), st.integers(10, 300), st.integers(0, 2**31))
def test_parts_are_disjoint_complete_stratified_and_of_size(published, negative, positive, seed):
    listing = listing_of(negative, positive)
    manifest = split_randomly(listing, changed(published, seed=seed))
    assert manifest.path.tolist() == listing.path.tolist()
    sizes = manifest.part.value_counts().to_dict()
    assert sizes == part_counts(len(listing), published.fractions)
    share = positive / len(listing)
    for _, part in manifest.groupby("part"):
        assert abs(part.label.sum() - share * len(part)) <= 1.5


def test_published_sizes(published):
    assert part_counts(40000, published.fractions) == {
        "train": 24000,
        "validation": 8000,
        "test": 8000,
    }


def test_seed_decides(published):
    listing = listing_of(50, 50)
    one, same, other = (
        split_randomly(listing, changed(published, seed=seed)) for seed in (0, 0, 1)
    )
    assert one.equals(same)
    assert not one.equals(other)


def test_sample_is_stratified(published):
    manifest = split_randomly(listing_of(300, 100), changed(published, images=80))
    assert manifest.label.value_counts().to_dict() == {0: 60, 1: 20}


def test_asking_for_more_than_there_is(published):
    with pytest.raises(InputError, match=r"split\.images is 50, but there are only 20"):
        split_randomly(listing_of(10, 10), changed(published, images=50))


def test_too_few_images_of_a_class(published):
    with pytest.raises(InputError, match="too few images to split"):
        split_randomly(listing_of(20, 1), published)
