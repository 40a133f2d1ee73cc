"""Damaged photographs; many more by `python -m benchmarks.faults photographs COUNT`."""

import pytest

from benchmarks.faults.photographs import LIMIT, read_photographs, sound_photographs
from src.data.decoding.photo_decoding import read_photo


@pytest.mark.filterwarnings("ignore")
def test_damaged_photographs_are_read_or_refused_with_a_reason():
    outcomes = read_photographs(300, seed=1)
    kinds = {kind for _, kind in outcomes}
    assert (kinds, sum(outcomes.values())) == ({"read", "refused"}, 600)


@pytest.mark.parametrize("content", sound_photographs().values(), ids=sound_photographs())
def test_each_is_read_before_it_is_damaged(content):
    assert {*read_photo(content, max_megapixels=LIMIT).size} == {64, 48}
