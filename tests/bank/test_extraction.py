"""The bank is filled once, continued after a kill, and mended when damaged."""

import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from src.bank import feature_bank as banks
from src.bank.extraction import fill_bank
from src.bank.feature_bank import Bank, open_bank
from src.errors import InputError
from tests.bank.slow_filling import AUGMENT, SHAPE, bank_in, mean_colours, wanted_of
from tests.conftest import ROOT


@pytest.fixture
def paths(patches):
    root, listing = patches
    return [root / path for path in listing.path]


@pytest.fixture
def bank(tmp_path, paths) -> Bank:
    return bank_in(tmp_path, len(paths))


@pytest.fixture
def wanted(paths):
    return wanted_of(len(paths))


@pytest.mark.slow
def test_every_wanted_feature_is_there(bank, paths, wanted):
    assert fill_bank(bank, mean_colours, paths, wanted, AUGMENT, seed=0) == 40 + 20 + 20
    for view, rows in wanted.items():
        assert not len(bank.missing(view, rows))
    assert len(bank.missing(1, np.arange(40))) == 20
    assert (bank.features(1)[::2] != bank.features(2)[::2]).any()
    assert (bank.features(0)[::2] != bank.features(1)[::2]).any()


def test_released_features_are_still_there(bank, paths, wanted):
    fill_bank(bank, mean_colours, paths, wanted, AUGMENT, seed=0)
    features = bank.features(0)
    before = np.array(features)
    bank.store(0, np.arange(1), before[:1] + 1)
    banks.release(features)
    assert features[0, 0] == before[0, 0] + 1
    np.testing.assert_array_equal(features[1:], before[1:])


def test_second_fill_computes_nothing(bank, paths, wanted):
    fill_bank(bank, mean_colours, paths, wanted, AUGMENT, seed=0)

    def refuse(images: np.ndarray) -> np.ndarray:
        raise AssertionError("computed again")

    assert fill_bank(bank, refuse, paths, wanted, AUGMENT, seed=0) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flip_rotate", "flips", "cameras"])
def test_rows_added_later_equal_those_made_at_once(tmp_path, paths, wanted, composed, name):
    augment = composed(f"augment={name}").augment
    at_once = open_bank(tmp_path, {"a": 1}, len(paths), SHAPE)
    fill_bank(at_once, mean_colours, paths, wanted, augment, seed=0)
    bit_by_bit = open_bank(tmp_path, {"a": 2}, len(paths), SHAPE)
    for part in (slice(0, 3), slice(3, None)):
        some = {view: rows[part] for view, rows in wanted.items()}
        fill_bank(bit_by_bit, mean_colours, paths, some, augment, seed=0)
    for view, rows in wanted.items():
        np.testing.assert_array_equal(bit_by_bit.features(view)[rows], at_once.features(view)[rows])


def test_damaged_rows_are_noticed_and_made_again(bank, paths, wanted, capsys):
    fill_bank(bank, mean_colours, paths, wanted, AUGMENT, seed=0)
    whole = np.array(bank.features(1))
    with (bank.folder / "view-001.features").open("r+b") as file:
        file.seek(4 * whole[0].nbytes)
        file.write((whole[4] + 1).tobytes())
    assert fill_bank(bank, mean_colours, paths, wanted, AUGMENT, seed=0) == 1
    assert "1 damaged features are computed again" in capsys.readouterr().out
    np.testing.assert_array_equal(bank.features(1), whole)


def test_truncated_file_is_made_again(bank, paths, wanted):
    fill_bank(bank, mean_colours, paths, wanted, AUGMENT, seed=0)
    whole = np.array(bank.features(0))
    os.truncate(bank.folder / "view-000.features", 17)
    assert fill_bank(bank, mean_colours, paths, wanted, AUGMENT, seed=0) == 40
    np.testing.assert_array_equal(bank.features(0), whole)


def test_too_little_disk_is_an_error_before_the_work(bank, paths, wanted, monkeypatch):
    usage = banks.shutil.disk_usage(bank.folder)._replace(free=100)
    monkeypatch.setattr(banks.shutil, "disk_usage", lambda folder: usage)
    calls = []
    with pytest.raises(InputError, match=r"needs 0\.0 MB more .* features\.views lower"):
        fill_bank(bank, lambda images: calls.append(images), paths, wanted, AUGMENT, seed=0)
    assert not calls


def test_unreadable_image_is_named(bank, paths, wanted, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(paths[0].read_bytes()[:500])
    with pytest.raises(InputError, match=r"broken\.jpg can't be read"):
        fill_bank(bank, mean_colours, [broken, *paths[1:]], wanted, AUGMENT, seed=0)


@pytest.fixture
def started(warm_python, patches, tmp_path):
    """Function that starts filling the bank slowly in another process."""
    command = [
        warm_python,
        "-m",
        "tests.bank.slow_filling",
        tmp_path,
        patches[0],
        tmp_path / "note",
    ]
    with ExitStack() as processes:
        yield lambda: processes.enter_context(subprocess.Popen(command, cwd=ROOT))


def noted(folder: Path) -> int:
    """How many images other processes have computed features of."""
    note = folder / "note"
    return len(note.read_text()) if note.exists() else 0


@pytest.mark.slow
def test_killed_extraction_continues_where_it_stopped(bank, tmp_path, paths, wanted, started):
    process = started()
    while noted(tmp_path) < 60:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    # The first view was stored before the second was begun.
    assert 40 <= 80 - fill_bank(bank, mean_colours, paths, wanted, AUGMENT, seed=0) < 80


@pytest.mark.slow
def test_two_processes_make_it_once(bank, tmp_path, paths, wanted, started):
    both = [started(), started()]
    assert [process.wait() for process in both] == [0, 0]
    assert noted(tmp_path) == 80
    assert fill_bank(bank, mean_colours, paths, wanted, AUGMENT, seed=0) == 0
