"""Feature banks: named by what they depend on, listed and removed."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.bank.feature_bank import bank_name, list_banks, open_bank, remove_bank
from src.errors import InputError


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers() | st.text(), min_size=1))
def test_a_banks_name_is_of_the_content_alone(settings):
    backwards = dict(reversed(settings.items()))
    assert bank_name(settings) == bank_name(backwards)
    for key in settings:
        assert bank_name(settings | {key: "changed!"}) != bank_name(settings)


def test_banks_are_listed_and_removed(tmp_path):
    bank = open_bank(tmp_path, {"cut": "test"}, rows=40, shape=(4,))
    bank.store(0, np.arange(3), np.ones((3, 4), np.float16))
    ((folder, depends_on, size),) = list_banks(tmp_path)
    assert (folder, depends_on) == (bank.folder, {"cut": "test"})
    assert size > 0
    assert json.loads((folder / "bank.json").read_text())["rows"] == 40
    with pytest.raises(InputError, match=f"no feature bank nope.*{bank.folder.name}"):
        remove_bank(tmp_path, "nope")
    remove_bank(tmp_path, bank.folder.name)
    assert not list(list_banks(tmp_path))
