"""What another threshold and a person's corrections leave of the findings on a photo."""

import pytest

from src.data.corrections import Correction
from src.photos import review
from src.photos.review import by_photo, carried_over, corrected, findings_at, judged_at, reviewed
from tests.photos.findings import record, region

FIRST, SECOND = (0, 0, 10, 10), (50, 50, 80, 60)
WHOLE = (0, 0, 100, 100)
FOUND = record("a.jpg", region(FIRST, 0.95), region(SECOND, 0.6))
SOUND = record("b.jpg")


def said(box, label, cracked, photo="a.jpg", by="A. Example") -> Correction:
    return Correction.of_box(
        box,
        photo=photo,
        file="photos/00001.jpg",
        label=label,
        cracked=cracked,
        by=by,
        at="now",
    )


def boxes(found) -> list[tuple]:
    return [tuple(one["box"]) for one in found["regions"]]


def test_a_threshold_leaves_the_regions_at_or_above_it():
    higher = findings_at(FOUND, 0.6)
    assert (higher["cracked"], boxes(higher)) == (True, [FIRST, SECOND])
    higher = findings_at(FOUND, 0.7)
    assert (higher["cracked"], boxes(higher), higher["cracked_share"]) == (True, [FIRST], 0.01)
    higher = findings_at(FOUND, 0.99)
    assert (higher["cracked"], boxes(higher), higher["cracked_share"]) == (False, [], 0)
    assert findings_at(SOUND, 0.05)["cracked"]


def test_a_photo_that_a_rule_judges_keeps_all_regions_or_none():
    # The rule keeps regions by a threshold of its own, so they may be less likely than the photo.
    found = record("a.jpg", region(FIRST, 0.3), judged_by="rule") | {"probability": 0.8}
    for threshold in (0.1, 0.8):
        same = findings_at(found, threshold)
        assert (same["cracked"], boxes(same), same["cracked_share"]) == (True, [FIRST], 0.01)
    above = findings_at(found, 0.81)
    assert (above["cracked"], boxes(above), above["cracked_share"]) == (False, [], 0)


def test_without_corrections_nothing_changes():
    assert corrected(FOUND, []) == FOUND


def test_a_region_that_is_no_crack_goes():
    left = corrected(FOUND, [said(FIRST, "no crack", False)])
    assert (left["cracked"], boxes(left), left["cracked_share"]) == (True, [SECOND], 0.03)
    assert left["corrected_by"] == "A. Example"
    none = [said(FIRST, "no crack", False), said(SECOND, "no crack", False)]
    left = corrected(FOUND, none)
    assert (left["cracked"], boxes(left)) == (False, [])


def test_a_region_that_is_right_stays():
    left = corrected(FOUND, [said(FIRST, "right", True), said(SECOND, "no crack", False)])
    assert (left["cracked"], boxes(left)) == (True, [FIRST])


def test_a_photo_without_a_crack_has_no_regions():
    left = corrected(FOUND, [said(WHOLE, "no crack", False)])
    assert (left["cracked"], boxes(left)) == (False, [])


def test_a_missed_crack_makes_a_photo_cracked():
    left = corrected(SOUND, [said(SECOND, "crack missed", True, by="")])
    assert (left["cracked"], boxes(left)) == (True, [SECOND])
    assert left["regions"][0]["probability"] is None
    assert left["corrected_by"] == "a person"


def test_corrections_are_those_of_the_photo():
    other = [said(FIRST, "no crack", False, photo="c.jpg")]
    assert reviewed([FOUND, SOUND], other) == [FOUND, SOUND]


def test_a_missed_crack_may_fill_the_photo():
    left = corrected(SOUND, [said(WHOLE, "crack missed", True)])
    assert (left["cracked"], boxes(left), left["cracked_share"]) == (True, [WHOLE], 1)


@pytest.mark.parametrize("box", [(0, 0, 101, 10), (0, 90, 10, 101), (200, 200, 300, 300)])
def test_corrections_of_another_picture_of_that_name_are_left_out_and_told(box, heard):
    messages = heard(review)
    given = [said(box, "crack missed", True), said(WHOLE, "no crack", False)]
    assert reviewed([FOUND, SOUND], given) == [FOUND, SOUND]
    (message,) = messages
    assert "outside the photo a.jpg of 100 x 100 pixels; the corrections of this" in message


def test_a_confirmed_region_stays_whatever_the_threshold():
    said_right = [said(SECOND, "right", True)]
    left = corrected(findings_at(FOUND, 0.99, said_right), said_right)
    assert (left["cracked"], left["regions"]) == (True, [FOUND["regions"][1]])
    rule = record("a.jpg", region(FIRST, 0.3), region(SECOND, 0.3), judged_by="rule")
    left = corrected(findings_at(rule, 0.99, said_right), said_right)
    assert (left["cracked"], boxes(left)) == (True, [SECOND])
    # Another photo's corrections count there only.
    other = [said(SECOND, "no crack", False, photo="b.jpg")]
    assert by_photo([*said_right, *other]) == {"a.jpg": said_right, "b.jpg": other}


def test_a_confirmed_crack_is_not_lost_where_the_model_finds_it_no_more():
    left = corrected(SOUND, [said(SECOND, "right", True)])
    assert (left["cracked"], boxes(left)) == (True, [SECOND])


def test_a_correction_that_applies_to_nothing_corrects_nothing():
    assert corrected(FOUND, [said((1, 70, 9, 90), "no crack", False)]) == FOUND


def test_corrections_follow_the_regions_that_a_new_model_moves():
    moved = record("a.jpg", region((1, 0, 11, 10), 0.9), region((50, 52, 80, 62), 0.6))
    old = [said(FIRST, "no crack", False), said(SECOND, "right", True)]
    (clear, right) = carried_over([moved, SOUND], old)
    assert (clear.box, right.box) == ((1, 0, 11, 10), (50, 52, 80, 62))
    left = reviewed([moved], [clear, right])[0]
    assert (boxes(left), left["regions"][0]["probability"]) == ([(50, 52, 80, 62)], 0.6)


def test_corrections_of_other_places_stay_where_they_are():
    here = record("a.jpg", region(FIRST, 0.9), region((4, 0, 14, 10), 0.9))
    others = [
        said(FIRST, "no crack", False),  # it has its region, so the other one is left alone
        said((0, 80, 10, 90), "no crack", False),
        said((1, 0, 11, 10), "crack missed", True),
        said(FIRST, "no crack", False, photo="c.jpg"),
    ]
    assert carried_over([here], others) == others
    large = record("a.jpg", region((0, 0, 100, 90), 0.9))
    clear = [said(WHOLE, "no crack", False)]
    assert carried_over([large], clear) == clear
    moved = carried_over([here], [*others, said((1, 0, 11, 10), "right", True)])
    assert moved[-1].box == (4, 0, 14, 10)


def test_another_threshold_is_said_everywhere():
    made_by = {"threshold": 0.6, "patch_threshold": 0.3, "rule": {"threshold": 0.6, "photos": 9}}
    told = judged_at({**made_by, "deviations": {"scales": [0.5]}}, 0.55)
    assert told == {
        "threshold": 0.55,
        "patch_threshold": 0.55,
        "marked_at": 0.6,
        "rule": {"threshold": 0.55, "photos": 9},
        "deviations": {"scales": [0.5], "threshold": 0.55},
    }
    assert judged_at({**made_by, "rule": None, "deviations": {}}, 0.5)["rule"] is None
