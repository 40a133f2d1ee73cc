"""Feature banks: named by what they depend on, listed and removed."""

import errno
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.bank import feature_bank
from src.bank.feature_bank import bank_name, list_banks, lock, open_bank, remove_bank
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


@given(st.permutations(range(12)), st.integers(0, 12))
def test_rows_are_stored_in_any_order_and_no_other_row_changes(tmp_path_factory, order, count):
    bank = open_bank(tmp_path_factory.mktemp("bank"), {"cut": "test"}, rows=12, shape=(2,))
    rows = np.array(order[:count], np.int64)
    features = np.stack([rows, -rows], axis=1).astype(np.float16) + 1
    bank.store(0, rows, features)
    np.testing.assert_array_equal(bank.features(0)[rows], features)
    assert set(bank.missing(0, np.arange(12))) == set(range(12)) - set(rows)


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_is_an_error_and_keeps_what_is_complete(small_disk: Path):
    rows, features = np.arange(64), np.ones((64, 32, 32), np.float16)
    bank = open_bank(small_disk, {"cut": "test"}, rows=640, shape=(32, 32))
    bank.store(0, rows, features)
    # A write through the memory map would end this process with SIGBUS here.

    def fill() -> None:
        for start in range(64, 640, 64):
            bank.store(0, rows + start, features)

    with pytest.raises(OSError, match="No space left") as error:
        fill()
    assert error.value.errno == errno.ENOSPC
    assert not len(bank.missing(0, rows))
    assert len(bank.missing(0, np.arange(640))) > 300


def test_a_bank_in_use_is_not_removed(tmp_path):
    bank = open_bank(tmp_path, {"cut": "test"}, rows=4, shape=(4,))
    with lock(bank), pytest.raises(InputError, match="is in use"):
        remove_bank(tmp_path, bank.folder.name)
    assert list(list_banks(tmp_path))


def test_an_interrupted_removal_is_finished_by_the_next_one(tmp_path, monkeypatch):
    banks = [open_bank(tmp_path, {"number": number}, 3, (2,)) for number in range(2)]
    for bank in banks:
        bank.store(0, np.arange(3), np.ones((3, 2), np.float16))
    monkeypatch.setattr(feature_bank.shutil, "rmtree", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        remove_bank(tmp_path, banks[0].folder.name)
    monkeypatch.undo()
    assert [folder for folder, _, _ in list_banks(tmp_path)] == [banks[1].folder]
    with pytest.raises(InputError, match="was removed meanwhile; run again"):
        banks[0].features(0)
    remove_bank(tmp_path, banks[1].folder.name)
    assert list(tmp_path.iterdir()) == []
