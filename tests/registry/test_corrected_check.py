"""Corrected photos tell which of two models finds what a person sees."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from src.data.corrections import Correction, write_corrections
from src.errors import InputError
from src.registry.corrected_check import answers, as_sentence, compared


class Marking:
    """A judge that finds the same boxes on every photo."""

    def __init__(self, *boxes: tuple[int, int, int, int]) -> None:
        self.regions = [{"box": list(box)} for box in boxes]

    def judge(self, images: Sequence[bytes]) -> list[dict[str, Any]]:
        return [{"width": 1000, "height": 800, "regions": self.regions} for _ in images]


def corrected(
    folder: Path, *said: tuple[str, tuple[int, int, int, int], bool], label: str = "right"
) -> Path:
    rows = []
    for file, box, cracked in said:
        (folder / file).write_bytes(b"pixels")
        rows.append(
            Correction.of_box(
                box,
                photo=file,
                file=file,
                label=label if cracked else "no crack",
                cracked=cracked,
                by="",
                at="2026-01-01T00:00:00Z",
            )
        )
    write_corrections(folder, rows)
    return folder


def test_a_region_over_the_box_is_right_only_where_there_is_a_crack(tmp_path: Path) -> None:
    crack, joint, whole = (100, 100, 300, 200), (500, 100, 700, 200), (0, 0, 1000, 800)
    folder = corrected(
        tmp_path, ("a.png", crack, True), ("a.png", joint, False), ("b.png", whole, False)
    )
    table = answers(Marking(crack), folder)
    assert table.correct.tolist() == [True, True, False]
    assert table.group.tolist() == [0, 0, 1]
    assert answers(Marking(joint), folder).correct.tolist() == [False, False, False]
    assert answers(Marking(), folder).correct.tolist() == [False, True, True]
    # A region that touches the box is not over it.
    assert answers(Marking((290, 100, 500, 200)), folder).correct.tolist() == [False, True, False]


def test_the_sentence_has_the_figures_of_both_models(tmp_path: Path) -> None:
    joints = [(f"{i}.png", (0, 0, 100, 100), False) for i in range(12)]
    folder = corrected(tmp_path, *joints)
    champion = answers(Marking((0, 0, 100, 100)), folder)
    challenger = answers(Marking(), folder)
    alone = compared(challenger, None)
    assert as_sentence(alone) == "on corrected photos it answers 12 of 12 rightly"
    figures = compared(challenger, champion)
    assert figures["p_value"] == pytest.approx(2 / 2**12, rel=0.5)
    assert as_sentence(figures).startswith(
        "on corrected photos it answers 12 of 12 rightly, the champion 0 (p = 0.000488 over photos)"
    )


def test_without_corrections_and_with_a_missing_photo_it_says_which(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"corrections\.csv is missing or has no corrections"):
        answers(Marking(), tmp_path)
    folder = corrected(tmp_path, ("a.png", (0, 0, 9, 9), True))
    (folder / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png is corrected, but can't be judged"):
        answers(Marking(), folder)


def test_words_that_do_not_count_any_more_are_no_questions(tmp_path: Path) -> None:
    crack, whole = (100, 100, 300, 200), (0, 0, 1000, 800)
    folder = corrected(tmp_path, ("a.png", crack, True), ("a.png", whole, False))
    assert answers(Marking(), folder).correct.tolist() == [True]


def test_a_missed_crack_does_not_contradict_that_the_rest_is_clear(tmp_path: Path) -> None:
    crack, whole = (100, 100, 300, 200), (0, 0, 1000, 800)
    folder = corrected(
        tmp_path, ("a.png", crack, True), ("a.png", whole, False), label="crack missed"
    )
    assert answers(Marking(crack), folder).correct.tolist() == [True, True]
    assert answers(Marking(crack, (500, 100, 700, 200)), folder).correct.tolist() == [True, False]
