"""A manifest is read back as it was written, and what is none is refused."""

import pandas as pd
import pytest

from src.data.splits.manifest import manifest_fingerprint, read_manifest, write_manifest
from src.errors import InputError

MANIFEST = pd.DataFrame(
    {
        "path": ["Negative/1.jpg", "Negative/ü, 2.jpg", "Positive/1.jpg"],
        "label": [0, 0, 1],
        "part": ["train", "validation", "test"],
    }
)


def test_manifest_survives_writing(tmp_path):
    path = tmp_path / "split.csv"
    write_manifest(MANIFEST, path)
    pd.testing.assert_frame_equal(read_manifest(path), MANIFEST)
    assert manifest_fingerprint(read_manifest(path)) == manifest_fingerprint(MANIFEST)
    assert [file.name for file in tmp_path.iterdir()] == ["split.csv"]


@pytest.mark.parametrize(
    ("column", "value"), [("path", "Negative/3.jpg"), ("label", 1), ("part", "train")]
)
def test_fingerprint_depends_on_every_column(column, value):
    other = MANIFEST.copy()
    other.loc[1, column] = value
    assert manifest_fingerprint(other) != manifest_fingerprint(MANIFEST)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na,0\n", "it has no column part"),
        ("path,label,part\na,0,train\nb,0,test\n", "the parts are"),
        (
            "path,label,part\na,0,train\na,0,test\nb,1,validation\n",
            "a stands there twice",
        ),
        ("", "not a manifest .*: split again"),
        ("path,label,part\na,0,train\nb,1,validation\nc,1,test,x\n", "not a manifest .* line 4"),
        ("path,label,part\na,0,train\nb,1,validation\nc,Positive,test\n", "manifest .*'Positive'"),
        ("path,label,part\na,0,train\nb,1,validation\nc,1,test\nd,1,\n", r"the parts are \['', "),
        ("path,label,part\na,0,train\nb,1,validation\nc,2,test\n", "c has the label 2, and must"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, text, message):
    path = tmp_path / "split.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_manifest(path)
    assert "split.csv" in str(error.value)


def test_missing_manifest_is_named(tmp_path):
    with pytest.raises(InputError, match=r"split\.csv: no such manifest"):
        read_manifest(tmp_path / "split.csv")
