"""Comparing two inspections of the same photos."""

import json

import pytest

from src.errors import InputError
from src.page.receiving import shown
from src.photos.earlier import EarlierInspection, changes_since, read_inspection
from tests.photos.findings import record, region

DAMAGES = (
    *({"regions": None}, {"regions": [1]}, {"regions": [{"length_px": "long"}]}),
    *({"cracked_share": None}, {"photo": ["x"]}, {"cracked": "perhaps"}),
)
SMALL, LARGE = (0, 0, 10, 10), (0, 0, 10, 13)


def compared(then: list[dict], now: list[dict], made_by: dict = {}, before: dict = {}):  # noqa: B006
    earlier = EarlierInspection.model_validate({"photos": then, "made_by": before})
    return changes_since(earlier, now, made_by, grown=1.2)


def measured(box, **fields) -> dict:
    return region(box, **fields)


def test_each_photo_has_its_change():
    then = [record("new"), record("gone", region(SMALL)), record("same", region(SMALL))]
    then += [record("grown", region(SMALL)), record("only then")]
    now = [record("new", region(SMALL)), record("gone"), record("same", region(SMALL))]
    now += [record("grown", region(LARGE)), record("only now")]
    found = compared(then, now)
    assert (found.new, found.gone, found.same) == (["new"], ["gone"], 1)
    assert (found.only_now, found.only_then) == (1, ["only then"])
    assert found.grown == [("grown", "share of the photo 0.01 to 0.013")]


@pytest.mark.parametrize("added", ["then", "now"])
def test_the_folder_that_a_page_puts_before_all_names_does_not_count(added):
    plain, below = ["a", "side/b"], ["deck/a", "deck/side/b"]
    then, now = (below, plain) if added == "then" else (plain, below)
    found = compared([record(name) for name in then], [record(name, region(SMALL)) for name in now])
    assert (found.new, found.only_now, found.only_then) == (now, 0, [])


@pytest.mark.parametrize("name", ["Bru\u0308cke.jpg", "1.00\u202fPM.png", "a\u00a0b.jpg"])
@pytest.mark.parametrize("folder", ["", "deck/"])
def test_a_photo_is_the_same_in_the_page_and_in_a_folder(name, folder):
    in_page = f"{folder}{shown(name)}"
    assert in_page != f"{folder}{name}"
    for then, now in ((name, in_page), (in_page, name)):
        found = compared([record(then)], [record(now, region(SMALL))])
        assert (found.new, found.only_now, found.only_then) == ([now], 0, [])


def test_names_that_only_look_alike_are_told_apart():
    names = ["Bru\u0308cke.jpg", "Brücke.jpg"]
    found = compared([record(name) for name in names], [record(names[0], region(SMALL))])
    assert (found.new, found.only_now, found.only_then) == (names[:1], 0, names[1:])


def test_photos_of_two_folders_are_not_taken_for_the_same():
    found = compared([record("north/a")], [record("south/a")])
    assert (found.same, found.only_now, found.only_then) == (0, 1, ["north/a"])
    found = compared([record("a"), record("north/b")], [record("a"), record("south/b")])
    assert (found.same, found.only_now, found.only_then) == (1, 1, ["north/b"])


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({"length_px": 100}, {"length_px": 130}, "length 100 to 130 px"),
        ({"length_px": 100}, {"length_px": 119}, None),
        ({"max_width_px": 2}, {"max_width_px": 3}, "largest width 2 to 3 px"),
        (
            {"length_px": 100, "length_mm": 50, "max_width_mm": 0.2},
            {"length_px": 130, "length_mm": 50, "max_width_mm": 0.3},
            "largest width 0.2 to 0.3 mm",
        ),
        # What could not be measured is None.
        ({"length_px": None}, {"length_px": 130}, None),
    ],
)
def test_millimetres_are_compared_first_then_pixels(then, now, told):
    found = compared([record("a", region(SMALL, **then))], [record("a", region(SMALL, **now))])
    assert dict(found.grown).get("a") == told


def test_other_settings_are_told_and_millimetres_of_another_scale_are_not_compared():
    now = {"model": {"name": "b", "weights": "1"}, "threshold": 0.5, "mm_per_pixel": 5}
    then = now | {"model": {"name": "a", "weights": "1"}}
    old = [record("a", region(SMALL, length_px=100, length_mm=250))]
    new = [record("a", region(SMALL, length_px=100, length_mm=500))]
    assert compared(old, new, now, then).other_settings == []
    assert compared(old, new, now, then).grown == [("a", "length 250 to 500 mm")]
    other = then | {"mm_per_pixel": 2.5, "threshold": 0.9, "unknown": 1}
    found = compared(old, new, now, other)
    assert found.other_settings == ["threshold", "millimetres per pixel"]
    assert found.grown == []


def test_pixels_of_photos_of_other_sizes_are_not_compared():
    then = record("a", region(SMALL, length_px=100))
    now = record("a", region(SMALL, length_px=200), width=200)
    assert compared([then], [now]).grown == []


@pytest.mark.parametrize(
    "content",
    [
        *(None, "{", "[]", "[" * 100_000, '{"photos": [{"photo": "a"}]}'),
        *(json.dumps({"photos": [record("a", region(SMALL)) | damage]}) for damage in DAMAGES),
    ],
)
def test_a_folder_that_is_no_inspection_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "photos.json").write_text(content)
    with pytest.raises(InputError, match=r"report\.previous: .* has no usable photos\.json"):
        read_inspection(tmp_path)


def test_an_inspection_is_read(tmp_path):
    then = [record("a", region(SMALL, length_mm=2.0, max_width_mm=None))]
    (tmp_path / "photos.json").write_text(json.dumps({"photos": then}))
    now = [record("a", region(SMALL, length_mm=3.0, max_width_mm=0.1))]
    read = changes_since(read_inspection(tmp_path), now, {}, grown=1.2)
    assert read == compared(then, now)
    assert read.grown == [("a", "length 2 to 3 mm")]


def test_a_crack_has_grown_though_a_region_beside_it_could_not_be_measured():
    unmeasured = {"length_px": None, "max_width_px": None}
    then = [record("a", region((0, 0, 50, 50), length_px=100, max_width_px=2))]
    larger = region((0, 0, 50, 50), length_px=300, max_width_px=9)
    now = [record("a", larger, region((60, 60, 62, 62), **unmeasured))]
    assert compared(then, now).grown == [("a", "length 100 to 300 px, largest width 2 to 9 px")]
    # The unmeasured part may be what has grown.
    same = region((0, 0, 50, 50), length_px=100, max_width_px=2)
    now = [record("a", same, region((50, 50, 100, 100), **unmeasured))]
    assert compared(then, now).grown == [("a", "share of the photo 0.25 to 0.5")]


def test_photos_that_one_of_two_inspections_could_not_read_are_told_apart(tmp_path):
    before = {"photos": [record("a"), record("b")], "unreadable": [{"photo": "c", "reason": "x"}]}
    (tmp_path / "photos.json").write_text(json.dumps(before))
    now = [record("a"), record("c")]
    found = changes_since(read_inspection(tmp_path), now, {}, 1.2, ["b", "new"])
    assert (found.same, found.only_now, found.only_then) == (1, 0, [])
    assert found.unread == ["b", "c"]
