"""corrections.csv: what is written is read again, also names that a spreadsheet would run."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.corrections import (
    CORRECTIONS,
    Correction,
    in_force,
    read_corrections,
    write_corrections,
)
from src.errors import InputError

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
SIDE = st.integers(1, 10**5)


@st.composite
def corrections(draw) -> Correction:
    return Correction(
        photo=draw(TEXT.filter(bool)),
        file=draw(TEXT.filter(bool)),
        x=draw(st.integers(0, 10**5)),
        y=draw(st.integers(0, 10**5)),
        width=draw(SIDE),
        height=draw(SIDE),
        label=draw(st.sampled_from(["no crack", "crack missed", "right"])),
        cracked=draw(st.booleans()),
        by=draw(TEXT),
        at="2026-11-26T07:00:00+00:00",
    )


@pytest.mark.slow
@given(st.lists(corrections(), max_size=4))
def test_what_is_written_is_read_again(made):
    with tempfile.TemporaryDirectory() as folder:
        write_corrections(Path(folder), made)
        assert read_corrections(Path(folder)) == made


def test_no_cell_runs_in_a_spreadsheet(tmp_path):
    evil = {"photo": "=1+1", "file": "-a.jpg", "by": "@me", "at": "now", "label": "right"}
    box = {"x": 0, "y": 0, "width": 1, "height": 1, "cracked": True}
    write_corrections(tmp_path, [Correction.model_validate(evil | box)])
    assert (tmp_path / CORRECTIONS).read_text().splitlines() == [
        '"photo","file","x","y","width","height","label","cracked","by","at"',
        """"'=1+1","'-a.jpg",0,0,1,1,"right",1,"'@me","now\"""",
    ]


def test_without_a_file_there_are_none(tmp_path):
    assert read_corrections(tmp_path) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,a.jpg,0,0,0,1,right,1,,now", "line 2: width"),
        ("a,a.jpg,0,0,1,1,wrong,1,,now", "line 2: label"),
        ("a,a.jpg,0,0,1,1,right,yes please,,now", "line 2: cracked"),
    ],
)
def test_a_row_that_is_no_correction_is_named(tmp_path, row, message):
    header = ",".join(Correction.model_fields)
    (tmp_path / CORRECTIONS).write_text(f"{header}\n{row}\n")
    with pytest.raises(InputError, match=message):
        read_corrections(tmp_path)


def test_the_last_word_counts_and_a_clear_photo_has_nothing_that_is_right():
    box, other, whole = (0, 0, 10, 10), (20, 0, 30, 10), (0, 0, 100, 50)

    def said(box, label: str) -> Correction:
        given = {"photo": "a", "file": "a", "by": "", "at": "now"}
        return Correction.of_box(box, label=label, cracked=label != "no crack", **given)

    twice = [said(box, "right"), said(other, "right"), said(box, "no crack")]
    assert [one.label for one in in_force(twice, 100, 50)] == ["no crack", "right"]
    clear = [*twice, said((0, 0, 5, 5), "crack missed"), said(whole, "no crack")]
    counting = [one.label for one in in_force(clear, 100, 50)]
    assert counting == ["no crack", "crack missed", "no crack"]
    sound = Correction.of_box(
        whole, photo="a", file="a", label="right", cracked=False, by="", at="now"
    )
    assert in_force([sound], 100, 50) == [sound]
    # A box of the same place in a larger photo is not the whole photo.
    assert len(in_force(clear, 200, 50)) == 4
