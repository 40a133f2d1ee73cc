"""SDNET2018 comes as a zip file, by download or by hand, and stays what it was at first."""

import re
from pathlib import Path

import pytest

from src.config.source_schema import Sdnet2018
from src.data.sources.collection import collect_images
from src.data.sources.sdnet2018 import Sdnet2018Source
from src.errors import InputError
from tests.data.sources.photographs import settings_of
from tests.data.sources.samples import encode, pack, patient, picture
from tests.data.sources.servers import Server, file, status, text, unsized

NAMES = (
    *("D/CD/7001-115.jpg", "D/CD/7002-3.jpg", "D/UD/7001-1.jpg", "D/UD/7003-9.jpg"),
    *("P/CP/001-1.jpg", "P/UP/001-2.jpg", "W/CW/7001-1.jpg", "W/UW/7001-2.jpg"),
)
FILES = {name: encode(picture(seed, 256, 256)) for seed, name in enumerate(NAMES)}


def zipped(tmp_path: Path, files: dict[str, bytes] = FILES) -> bytes:
    inside = {f"SDNET2018/{name}": data for name, data in files.items()}
    return pack(tmp_path / "origin.zip", inside).read_bytes()


def source_of(server: Server, tmp_path: Path, **options) -> Sdnet2018Source:
    data = settings_of(
        "sdnet2018",
        tmp_path / "data",
        url=f"{server.address}/zip",
        downloads=str(tmp_path / "downloads"),
        pin=str(tmp_path / "sdnet2018.json"),
        http=patient(retries=1),
        **options,
    )
    assert isinstance(data, Sdnet2018)
    return Sdnet2018Source(data)


def fetched(source: Sdnet2018Source):
    return collect_images(source, source.data, reuse=False)


def test_the_decks_of_the_zip_file(server, tmp_path):
    server.answers["/zip"] = [file(zipped(tmp_path))]
    listing = fetched(source_of(server, tmp_path)).listing
    assert dict(zip(listing.path, listing.photo, strict=True)) == {
        "Negative/UD-7001-1.jpg": "sdnet2018/D-7001",
        "Negative/UD-7003-9.jpg": "sdnet2018/D-7003",
        "Positive/CD-7001-115.jpg": "sdnet2018/D-7001",
        "Positive/CD-7002-3.jpg": "sdnet2018/D-7002",
    }


def test_a_zip_file_that_macos_has_packed_again_is_the_same(server, tmp_path):
    server.answers["/zip"] = [file(zipped(tmp_path))]
    first = fetched(source_of(server, tmp_path)).listing
    folders = {name.rpartition("/")[0] for name in FILES}
    added = {f"SDNET2018/{folder}/.DS_Store": b"?" for folder in folders}
    added |= {f"__MACOSX/SDNET2018/{folder}/._7001-1.jpg": b"?" for folder in folders}
    inside = {f"SDNET2018/{name}": data for name, data in FILES.items()}
    pack(tmp_path / "downloads" / "SDNET2018.zip", inside | added)
    again = fetched(source_of(server, tmp_path)).listing
    assert again.sha256.tolist() == first.sha256.tolist()


def test_surfaces_are_chosen_and_a_number_on_two_of_them_is_two_photographs(server, tmp_path):
    server.answers["/zip"] = [file(zipped(tmp_path))]
    source = source_of(server, tmp_path, surfaces=["walls", "pavements"])
    assert source.name == "sdnet2018 walls, pavements"
    listing = fetched(source).listing
    assert set(listing.photo) == {"sdnet2018/P-001", "sdnet2018/W-7001"}
    assert len(listing) == 4


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(403), "answered 403"),
        (text(b"<html>Verify"), "gave no zip file"),
        ("truncated", "gave no zip file"),
    ],
)
def test_what_to_do_by_hand_is_told(server, tmp_path, answer, reason):
    body = zipped(tmp_path)
    server.answers["/zip"] = [unsized(body[:-300]) if answer == "truncated" else answer]
    source = source_of(server, tmp_path)
    by_hand = r"By hand: open https://digitalcommons\.usu\.edu/\S+ in a browser, download "
    by_hand += rf"SDNET2018\.zip .*, put it at {re.escape(source.data.downloads)}/SDNET2018\.zip"
    with pytest.raises(InputError, match=by_hand) as error:
        fetched(source)
    assert reason in str(error.value)
    (tmp_path / "downloads").mkdir(exist_ok=True)
    (tmp_path / "downloads" / "SDNET2018.zip").write_bytes(body)
    assert fetched(source).receipt.counts == {"Negative": 2, "Positive": 2}


def test_an_interrupted_download_goes_on(server, tmp_path):
    body = zipped(tmp_path)
    server.answers["/zip"] = [file(body, length=1000), file(body)]
    assert len(fetched(source_of(server, tmp_path)).listing) == 4
    assert server.requests[1][1]["Range"] == "bytes=1000-"


def test_later_fetches_must_give_the_images_of_the_first(server, tmp_path):
    server.answers["/zip"] = [file(zipped(tmp_path))]
    fetched(source_of(server, tmp_path))
    pinned = (tmp_path / "sdnet2018.json").read_text()
    fetched(source_of(server, tmp_path))
    assert (tmp_path / "sdnet2018.json").read_text() == pinned
    fetched(source_of(server, tmp_path, surfaces=["walls"]))
    assert len((tmp_path / "sdnet2018.json").read_text()) > len(pinned)
    changed = FILES | {"D/UD/7003-9.jpg": FILES["D/CD/7002-3.jpg"]}
    (tmp_path / "downloads" / "SDNET2018.zip").write_bytes(zipped(tmp_path, changed))
    with pytest.raises(InputError, match=r"images in UD are not those of the first fetch, which "):
        fetched(source_of(server, tmp_path))
    fetched(source_of(server, tmp_path, surfaces=["walls"]))
    (tmp_path / "sdnet2018.json").write_text("[]")
    with pytest.raises(InputError, match=r"sdnet2018\.json cannot be read"):
        fetched(source_of(server, tmp_path))


def test_a_zip_file_without_the_folders_is_refused(server, tmp_path):
    walls = {name: data for name, data in FILES.items() if name.startswith("W")}
    server.answers["/zip"] = [file(zipped(tmp_path, walls))]
    with pytest.raises(InputError, match=r"holds no folder UD, CD: get it anew"):
        fetched(source_of(server, tmp_path))


def test_corrected_labels_replace_those_of_the_folders(server, tmp_path):
    server.answers["/zip"] = [file(zipped(tmp_path))]
    labels = tmp_path / "meta.csv"
    labels.write_text(
        "img_name,img_path,name,Crack\n"
        "7001-115.jpg,sdnet/D/CD/7001-115.jpg,sdnet,0\n"
        "7001-1.jpg,sdnet/D/UD/7001-1.jpg,sdnet,1.0\n"
        "7003-9.jpg,sdnet/D/UD/7003-9.jpg,sdnet,0\n"
        "7002-3.jpg,sdnet/D/CD/7002-3.jpg,sdnet,\n"
        "1.jpg,bcd/1.jpg,bcd,1\n"
    )
    source = source_of(server, tmp_path, deck_labels=str(labels))
    dataset = fetched(source)
    assert dataset.listing.path.tolist() == [
        "Negative/CD-7001-115.jpg",
        "Negative/UD-7003-9.jpg",
        "Positive/UD-7001-1.jpg",
    ]
    (left_out,) = dataset.receipt.rejected
    assert (left_out.path, left_out.reason) == ("CD/7002-3.jpg", "no corrected label")
    before = source.state(())
    labels.write_text(labels.read_text() + "\n")
    assert source.state(()) != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n", "is no table with img_path"),
        ("img_path,Crack\nx,1\n", "has no deck"),
        ("img_path,Crack\nx/CD/7001-1.jpg,yes\n", "is no table with img_path and Crack"),
    ],
)
def test_another_table_of_labels_is_refused(server, tmp_path, content, message):
    server.answers["/zip"] = [file(zipped(tmp_path))]
    labels = tmp_path / "meta.csv"
    labels.write_text(content)
    with pytest.raises(InputError, match=message):
        fetched(source_of(server, tmp_path, deck_labels=str(labels)))
