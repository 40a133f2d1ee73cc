"""The report's pages, made of records without an inspection."""

import re
from pathlib import Path

import pytest

from src.config.loader import compose_as
from src.config.tool_schema import Predict
from src.data.corrections import Correction
from src.photos.earlier import EarlierInspection, changes_since
from src.photos.photo_report import REPORT, InspectionResults, write_report
from src.photos.records import place
from src.photos.review import corrected
from tests.photos.findings import MADE_BY, record, region


@pytest.fixture
def written(tmp_path):
    """Function that writes the report of records, and returns the text of its pages by path."""

    def write(records, *overrides: str, changes=None, made_by=MADE_BY, **options) -> dict[str, str]:
        config = compose_as(Predict, "predict/config", ["input=x", "output=y", *overrides])
        places = {r["photo"]: place(Path("in", r["photo"]), Path("in"), tmp_path) for r in records}
        results = InspectionResults(
            records, [("broken.jpg", "empty file")], made_by, places, changes
        )
        write_report(tmp_path, results, config.inspection, config.report, **options)
        pages = sorted(tmp_path.rglob("*.html"), key=lambda page: (len(page.parts), page.name))
        return {page.relative_to(tmp_path).as_posix(): page.read_text() for page in pages}

    return write


CRACKED = [
    record(f"{n}.jpg", region((0, 0, 9, 9), severity="wide", length_mm=9, max_width_mm=0.4))
    for n in range(3)
]


def test_every_page_says_that_a_model_has_no_calibration(written):
    for calibrated in (True, False):
        pages = written(CRACKED, "report.page=2", made_by=MADE_BY | {"calibrated": calibrated})
        assert len(pages) == 2
        said = ["This model has no calibration" in text for text in pages.values()]
        assert said == [not calibrated] * 2


def test_many_photos_are_on_several_pages(written):
    many = CRACKED + [record(f"{n}.jpg") for n in range(3, 10)]
    pages = written(many, "report.page=4", "report.worst=2")
    assert list(pages) == ["report.html", "report/page-2.html", "report/page-3.html"]
    assert [text.count("<article") for text in pages.values()] == [4, 4, 2]
    first, second, _ = pages.values()
    assert first.count('class="wide"><img') == 2
    assert "broken.jpg" in first
    assert "broken.jpg" not in second
    assert 'href="report/page-2.html"' in first
    assert 'href="../report.html"' in second
    # Pictures lie beside the pages, and are found from each.
    assert re.findall(r'src="([^"]+)\.jpg"', second)[0].startswith("../report/")
    assert "data:" not in "".join(pages.values())
    assert list(written(many[:3], "report.page=4")) == ["report.html"]


def test_overview_comes_first_and_settings_last(written):
    text = written(CRACKED, "inspection.project='Pier <3>'", "inspection.place=Havel")[
        "report.html"
    ]
    assert "<h1>Pier &lt;3&gt;</h1>" in text
    places = [text.index(part) for part in ('id="overview"', 'id="photos"', 'id="settings"')]
    assert places == sorted(places)
    assert "<b>3</b> wide" in text
    assert "Havel" in text
    assert "Inspector" not in text


@pytest.mark.parametrize(
    ("rule", "told"),
    [({"threshold": 0.4459}, "the rule for photographs gives it"), (None, "one of its tiles of")],
)
def test_the_report_says_what_the_threshold_applies_to(written, rule, told):
    made_by = MADE_BY | {"rule": rule, "threshold": 0.44594335, "patch_threshold": 0.7}
    text = " ".join(written(CRACKED, made_by=made_by)["report.html"].split())
    assert f"0.446: a photo is cracked if {told}" in text
    assert ("judged as a patch, with the threshold 0.7" in text) == bool(rule)


def test_changes_are_listed(written):
    before = [record("0.jpg"), *CRACKED[1:]]
    earlier = EarlierInspection(photos=before, made_by={"threshold": 0.9})
    changes = changes_since(earlier, CRACKED, {"threshold": 0.5}, 1.2)
    text = written(CRACKED, changes=changes)["report.html"]
    changes = text[text.index('id="changes"') : text.index('id="unreadable"')]
    assert "<b>1</b> new" in changes
    assert "<b>2</b> as before" in changes
    assert "judged with other settings: threshold." in changes
    assert "0.jpg" in changes


def test_a_page_to_print_has_the_worst_photos_and_says_so(written, tmp_path):
    pages = written(CRACKED, name="print.html", most=2)
    assert list(pages) == ["print.html"]
    assert pages["print.html"].count("<article") == 2
    assert "1 more photo" in pages["print.html"]
    assert "lazy" not in pages["print.html"]


def test_corrections_are_told(written):
    by_hand = region((5, 5, 20, 20), probability=None)
    one = {**record("a.jpg"), "regions": [by_hand], "cracked": True, "corrected_by": "A. Example"}
    text = written([one])["report.html"]
    assert "Corrected by A. Example" in text
    assert 'class="by-hand"' in text
    assert "<b>1</b> corrected by a person" in text


@pytest.mark.parametrize("label", ["crack missed", "right"])
def test_a_box_drawn_by_hand_stands_beside_measured_regions(written, label):
    sizes = {"length_px": 9.0, "mean_width_px": 2.0, "max_width_px": 3.0}
    measured = region((0, 0, 9, 9), id=1, direction_degrees=45.0, **sizes)
    about = {"photo": "a.jpg", "file": "a.jpg", "x": 20, "y": 30, "width": 9, "height": 9}
    said = Correction(**about, label=label, cracked=True, by="A", at="2026-01-02T03:04:05+00:00")
    (table,) = re.findall(
        "<details>.*?</details>",
        written([corrected(record("a.jpg", measured), [said])])[REPORT],
        re.S,
    )
    assert "45°" in table
    assert "20, 30" in table
    assert "by hand" in table


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        ({"mm_per_pixel": 0.2}, "0.2, as set for all photos"),
        ({"distance_m": 1.5}, "estimated for each photo from a distance of 1.5 m"),
        ({}, "estimated where a photo's EXIF data have the distance"),
    ],
)
def test_the_settings_say_what_millimetres_and_severity_rest_on(written, scale, told):
    text = " ".join(written(CRACKED, made_by=MADE_BY | scale)["report.html"].split())
    assert told in text
    assert "fine from 0.0 mm, severe from 1.0 mm" in text


def test_it_says_where_a_marked_photo_shows_other_findings(written):
    told = "(as the model marked it)"
    corrected = [CRACKED[0] | {"corrected_by": "Ann"}, CRACKED[1]]
    assert written(corrected)["report.html"].count(told) == 1
    assert written(CRACKED)["report.html"].count(told) == 0
    assert written(CRACKED, made_by=MADE_BY | {"marked_at": 0.4})["report.html"].count(told) == 3


def test_a_link_within_a_page_does_not_load_it_anew(written):
    pages = written(CRACKED, "report.page=2")
    assert 'href="#photo-1"' in pages["report.html"]
    assert 'href="report/page-2.html#photo-3"' in pages["report.html"]


def test_without_a_photo_that_could_be_read_no_verdict_is_told(written):
    text = written([])["report.html"]
    assert "<title>No photo could be read</title>" in text
    assert 'href="#unreadable"' in text
