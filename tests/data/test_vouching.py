"""A file that a command has written is known by its checksum, and one's own is taken as it is."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.splits.manifest import read_manifest, write_manifest
from src.data.vouching import SPLIT_NOTE, TRAINING_NOTE, begin_anew, refuse_changed, vouch_for
from src.errors import InputError
from src.statistics.metrics import prediction_table, read_predictions

PARTS = ["train", "validation", "test"] * 4
MANIFEST = pd.DataFrame(
    {
        "path": [f"Negative/{number}.jpg" for number in range(12)],
        "label": 0,
        "part": PARTS,
        "group": range(12),
        "source": "drawn",
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as the split and the training leave it."""
    folder = tmp_path_factory.mktemp("workspace")
    write_manifest(MANIFEST, folder / "split.csv")
    vouch_for(folder, ["split.csv"], SPLIT_NOTE)
    probabilities = np.linspace(0, 1, 12)
    table = prediction_table(MANIFEST, np.stack([1 - probabilities, probabilities], axis=1))
    (folder / "predictions.csv").write_text(table.to_csv(index=False))
    vouch_for(folder, ["predictions.csv"], TRAINING_NOTE)
    return folder


READERS = {"split.csv": read_manifest, "predictions.csv": read_predictions}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("lines", range(13))
def test_a_table_that_is_cut_is_refused_and_as_ones_own_taken(folder, tmp_path, name, lines):
    whole = (folder / name).read_text().splitlines(keepends=True)
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    read = READERS[name]
    assert len(read(tmp_path / name)) == 12
    (tmp_path / name).write_text("".join(whole[:lines]))
    with pytest.raises(InputError, match=rf"{name} has changed since it was written"):
        read(tmp_path / name)
    if lines > 3:
        own = tmp_path / "own"
        own.mkdir()
        assert len(read(shutil.copy(tmp_path / name, own / name))) == lines - 1


@given(data=st.data())
def test_a_flipped_bit_is_noticed(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("flipped")
    content = bytearray(data.draw(st.binary(min_size=1, max_size=200)))
    (folder / "a").write_bytes(content)
    vouch_for(folder, ["a"], "note.json")
    refuse_changed(folder / "a", "note.json")
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (folder / "a").write_bytes(content)
    with pytest.raises(InputError, match="has changed since"):
        refuse_changed(folder / "a", "note.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": 1}'])
def test_a_damaged_note_is_named(tmp_path, text):
    (tmp_path / "a").write_text("1")
    (tmp_path / "note.json").write_text(text)
    with pytest.raises(InputError, match=r"note\.json is damaged"):
        refuse_changed(tmp_path / "a", "note.json")


def test_a_file_that_the_note_does_not_know_is_the_user_s(tmp_path):
    (tmp_path / "a").write_text("1")
    vouch_for(tmp_path, ["a"], "note.json")
    (tmp_path / "mine").write_text("2")
    refuse_changed(tmp_path / "mine", "note.json")


def test_what_is_written_anew_leaves_no_earlier_file(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text("1")
    vouch_for(tmp_path, ["a", "b"], "note.json")
    assert set(json.loads((tmp_path / "note.json").read_text())["files"]) == {"a", "b"}
    begin_anew(tmp_path, ["a", "c"], "note.json")
    assert [file.name for file in tmp_path.iterdir()] == ["b"]
