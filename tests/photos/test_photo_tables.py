"""Tables of photos whose names are not harmless."""

import csv
import os
from pathlib import Path

import pandas as pd
import pytest

from src.photos.finding_fields import finding_fields
from src.photos.names import guarded, photo_name, printable
from src.photos.photo_tables import TABLE, photo_table, write_tables
from src.photos.pixel_size import UNKNOWN
from src.photos.records import place, write_record
from src.photos.regions import find_cracks
from tests.photos.findings import record
from tests.photos.test_regions import HEIGHT, WIDTH, plain, scores_of

RED = "\x1b[31mred\x1b]0;title\x07\u202e.png"
FORMULAS = ["=1+1.png", "+1.png", "-1.png", "@SUM(A1).png", "\tx.png"]


def records_of(names: list[str], folder: Path) -> list[dict]:
    found = find_cracks([scores_of(plain())], width=WIDTH, height=HEIGHT, threshold=0.5)
    fields = finding_fields(found, UNKNOWN, [])
    places = [place(folder / name, folder, folder / "out") for name in names]
    return [write_record(at, "key", (WIDTH, HEIGHT), fields, {}) for at in places]


def test_no_cell_is_run_as_a_formula(tmp_path):
    records = records_of([*FORMULAS, "a=1.png"], tmp_path)
    write_tables(tmp_path, records, [("=gone.png", "a link to nothing"), ("x", "=1+1")], {}, {})
    with (tmp_path / "photos.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [*(f"'{name}" for name in FORMULAS[:-1]), r"\u0009x.png", "a=1.png", "'=gone.png", "x"]
    assert [row["photo"] for row in rows] == names
    assert rows[-1]["reason"] == "'=1+1"
    assert not any(cell.startswith(tuple("=+-@\t\r")) for row in rows for cell in row.values())


def test_names_do_nothing_to_a_terminal(tmp_path):
    shown = photo_table(records_of([RED], tmp_path), [("\x1b[2J.png", "of \x07 bytes")], 20)
    assert r"\u001b[31mred\u001b]0;title\u0007\u202e.png" in shown
    assert r"can't be read: \x1b[2J.png: of \x07 bytes" in shown
    assert all(line.isprintable() for line in shown.split("\n"))


def test_what_is_printable_stays():
    assert printable("Brücke 2, 日本 – «Süd».jpg") == "Brücke 2, 日本 – «Süd».jpg"


@pytest.mark.parametrize("name", ["b\r=1+1.jpg", "b\n=1+1.jpg", "b\u2028=1.jpg", "\t=1.jpg"])
def test_a_photo_has_one_row_whatever_its_name(tmp_path, name):
    (tmp_path / "in").mkdir()
    shown = photo_name(tmp_path / "in" / name, tmp_path / "in")
    assert shown.startswith(("b\\u", "\\u0009="))
    records = [record(shown, overlay=f"overlays/{name}.jpg", corrected_by=f"Ann{name}")]
    write_tables(tmp_path, records, [], {}, {})
    text = (tmp_path / TABLE).read_bytes()
    assert len(text.splitlines()) == 2
    assert len(pd.read_csv(tmp_path / TABLE)) == 1
    # A byte that is not UTF-8 stays another name than the character of its number.
    names = [photo_name(tmp_path / os.fsdecode(raw), tmp_path) for raw in (b"\x85", b"\xc2\x85")]
    assert names == [r"\x85", r"\u0085"]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("a;=1+1;.jpg", "a;'=1+1;.jpg"),
        (";@x.jpg", ";'@x.jpg"),
        ("=a;-1", "'=a;'-1"),
        ("a=1", "a=1"),
        # A spreadsheet would take away the quotes.
        ('a;"=1.jpg', "a;'\"=1.jpg"),
        ('"=1;"b"', '"=1;"b"'),
    ],
)
def test_no_cell_that_a_semicolon_begins_is_run_as_a_formula(name, cell):
    assert guarded(name) == cell
