"""Photographs and masks come out of the archive, and windows out of them."""

import hashlib

import pytest

from src.config.source_schema import Ozgenel
from src.data.sources.collection import collect_images
from src.data.sources.ozgenel import OzgenelSource
from src.errors import InputError
from tests.data.sources.photographs import photograph, save, settings_of
from tests.data.sources.samples import pack, patient, read
from tests.data.sources.servers import Server, answer_json, file, status

API = "/public-api/datasets/jwsn7tfbrp/files"


def archive_of(tmp_path, masks: str = "BW") -> bytes:
    inside = tmp_path / "origin" / "concreteCrackSegmentationDataset"
    for number, suffix in ((1, "jpg"), (11, "JPG")):
        pixels, mask = photograph(300, 400 + number)
        save(inside / "rgb" / f"{number:03}.{suffix}", pixels)
        # Masks are saved as JPEG, so they also have values between black and white.
        save(inside / masks / f"{number:03}.jpg", mask)
    return pack(tmp_path / "origin.rar", read(tmp_path / "origin")).read_bytes()


def source_of(server: Server, tmp_path, body: bytes) -> OzgenelSource:
    data = settings_of(
        "ozgenel",
        tmp_path / "data",
        api=f"{server.address}/public-api",
        direct_url=f"{server.address}/direct",
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        downloads=str(tmp_path / "downloads"),
        http=patient(retries=1),
    )
    assert isinstance(data, Ozgenel)
    details = {"sha256_hash": data.sha256, "download_url": f"{server.address}/expiring"}
    server.answers = {
        API: [answer_json([{"filename": data.filename, "content_details": details}])],
        "/expiring": [file(body)],
        "/direct": [file(body)],
    }
    return OzgenelSource(data)


def test_windows_of_the_archives_photographs(server, tmp_path):
    source = source_of(server, tmp_path, archive_of(tmp_path))
    dataset = collect_images(source, source.data, reuse=False)
    assert dataset.receipt.counts == {"Negative": 8, "Positive": 8}
    assert set(dataset.listing.photo) == {"ozgenel/001", "ozgenel/011"}
    assert server.requests[0][0] == f"{API}?folder_id=root&version=1"
    assert source.name == "ozgenel jwsn7tfbrp version 1"


def test_a_truncated_download_goes_on_at_the_other_address(server, tmp_path):
    body = archive_of(tmp_path)
    source = source_of(server, tmp_path, body)
    server.answers["/expiring"] = [file(body, length=1000), status(500)]
    assert collect_images(source, source.data, reuse=False).receipt.counts["Positive"] == 8


@pytest.mark.parametrize("fault", ["refused", "wrong"])
def test_what_to_do_by_hand_is_told(server, tmp_path, fault):
    body = archive_of(tmp_path)
    source = source_of(server, tmp_path, body)
    answer = status(403) if fault == "refused" else file(body[::-1])
    server.answers |= {"/expiring": [answer], "/direct": [answer]}
    with pytest.raises(InputError, match=r"By hand: open .*/direct in a browser, put the file at"):
        collect_images(source, source.data, reuse=False)


def test_an_archive_of_other_folders_is_refused(server, tmp_path):
    source = source_of(server, tmp_path, archive_of(tmp_path, masks="alpha"))
    with pytest.raises(InputError, match="BW: no such folder"):
        collect_images(source, source.data, reuse=False)
