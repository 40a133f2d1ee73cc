"""Where the results of photos go, and what is taken for done."""

import json
import os

import pytest

from src.data.decoding.unreadable import Unreadable
from src.data.files import write_bytes
from src.photos.finding_fields import finding_fields
from src.photos.pixel_size import UNKNOWN
from src.photos.records import found_before, place, write_record
from src.photos.regions import find_cracks
from tests.photos.test_regions import HEIGHT, WIDTH, plain, scores_of


def test_places_are_apart_and_can_be_written(tmp_path):
    names = [b"Stra\xdfe.jpg", b"Stra\xe4e.jpg", b"gr\xfcn/a.jpg", "Straße.jpg".encode()]
    # One name holds what stands for a byte of another.
    names += [rb"Stra\xdfe.jpg", rb"Stra\\xdfe.jpg"]
    names += [b"\xe4" * 200 + b".jpg", "ü".encode() * 125 + b".jpg"]
    places = [place(tmp_path / os.fsdecode(name), tmp_path, tmp_path / "out") for name in names]
    assert places[0].name == r"Stra\xdfe.jpg"
    assert places[3].overlay == tmp_path / "out" / "overlays" / "Straße.jpg.jpg"
    assert len({at.name for at in places}) == len({at.overlay for at in places}) == len(names)
    for at in places:
        at.name.encode()
        write_bytes(at.overlay, b"")


@pytest.mark.parametrize("first", ["a.png", "a.png.jpg/b.png"])
def test_a_photo_beside_a_folder_of_its_overlays_name(tmp_path, first):
    names = {"a.png", "a.png.jpg/b.png", "A.PNG.JPG/c.png"}
    for name in (first, *names - {first}):
        write_bytes(place(tmp_path / name, tmp_path, tmp_path / "out").overlay, b"")


@pytest.fixture
def findings():
    evidence = plain()
    evidence[5, 4:12] = 40
    found = find_cracks([scores_of(evidence)], width=WIDTH, height=HEIGHT, threshold=0.5)
    return finding_fields(found, UNKNOWN, [])


@pytest.fixture
def kept(tmp_path, findings):
    """A place with a record and pictures, and the record."""
    at = place(tmp_path / "in" / "a.png", tmp_path / "in", tmp_path / "out")
    pictures = {at.overlay: b"overlay", at.preview: b"preview", at.heat: b"heat"}
    return at, write_record(at, "key", (WIDTH, HEIGHT), findings, pictures)


def test_a_record_is_found_again(kept):
    at, record = kept
    assert found_before(at, "key") == record
    assert found_before(at, "another") is None


@pytest.mark.parametrize("name", ["overlay", "preview", "heat"])
@pytest.mark.parametrize("damage", [b"", b"over", b"overlax", None])
def test_pictures_that_were_changed_are_made_again(kept, name, damage):
    at, _ = kept
    path = getattr(at, name)
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    assert found_before(at, "key") is None


def test_pictures_of_another_photo_are_made_again(kept):
    at, _ = kept
    at.preview.write_bytes(at.heat.read_bytes())
    assert found_before(at, "key") is None


def changed(**values: object):
    return lambda kept: kept | {"record": kept["record"] | values}


@pytest.mark.parametrize(
    "edit",
    [
        changed(probability=0.1),
        changed(cracked=False),
        changed(regions=[]),
        changed(more=1),
        lambda kept: kept | {"record": "text"},
        lambda kept: kept | {"record": None},
        lambda kept: kept | {"pictures": {}},
        lambda kept: kept | {"sha256": "0" * 64},
        lambda kept: kept["record"],
        lambda kept: [kept],
        lambda kept: None,
        lambda kept: 7,
    ],
)
def test_a_record_that_was_edited_is_made_again(kept, edit):
    at, _ = kept
    at.record.write_text(json.dumps(edit(json.loads(at.record.read_text()))))
    assert found_before(at, "key") is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"record": NaN}'])
def test_a_record_that_is_no_record_is_made_again(kept, content):
    at, _ = kept
    at.record.write_bytes(content)
    assert found_before(at, "key") is None


def test_the_record_of_another_photo_is_not_taken(kept, tmp_path):
    at, _ = kept
    other = place(tmp_path / "in" / "b.png", tmp_path / "in", tmp_path / "out")
    for name in ("overlay", "record", "preview", "heat"):
        write_bytes(getattr(other, name), getattr(at, name).read_bytes())
    assert found_before(other, "key") is None


def test_nothing_is_written_through_a_link(tmp_path, findings):
    (tmp_path / "mine").mkdir()
    (tmp_path / "out" / "overlays").mkdir(parents=True)
    (tmp_path / "out" / "overlays" / "north").symlink_to(tmp_path / "mine")
    at = place(tmp_path / "in" / "north" / "a.png", tmp_path / "in", tmp_path / "out")
    with pytest.raises(Unreadable, match=r"written through the link .*north; remove it"):
        write_record(at, "key", (WIDTH, HEIGHT), findings, {at.overlay: b""})
    assert not list((tmp_path / "mine").iterdir())
