"""The page's addresses: photos go in, results come out, and nobody else gets at them."""

import csv
import errno
import io
import json
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from src.errors import reason_of
from src.page import downloads, routes
from src.page.routes import make_page
from src.page.workbench import Workbench
from src.photos.records import place
from tests.loopback import served
from tests.page.conftest import Visitor
from tests.pictures import header_of

pytestmark = pytest.mark.slow
NAME = "north/pier <1>.png"


def test_a_photo_gets_the_findings_that_predict_gives(visitor, page, picture, tmp_path):
    assert visitor.send(NAME, picture()).status_code == 200
    found = visitor.photos()[NAME]["record"]
    (tmp_path / "a.png").write_bytes(picture())
    at = place(tmp_path / "a.png", tmp_path, tmp_path / "out")
    for folder in (at.overlay, at.record, at.preview):
        folder.parent.mkdir(parents=True, exist_ok=True)
    expected, _ = page.state.bench.inspector.inspect_one(at)
    other = {"photo", "overlay"}
    assert {k: v for k, v in found.items() if k not in other} == {
        k: v for k, v in json.loads(json.dumps(expected)).items() if k not in other
    }


def test_pictures_are_shown(visitor, picture):
    number = visitor.send("a.png", picture()).json()["number"]
    visitor.photos()
    kinds = {"preview": "image/jpeg", "heat": "image/png", "full": "image/jpeg"}
    for name, kind in kinds.items():
        answer = visitor.get(f"/api/photos/{number}/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/evil.png", "a\0b\n.png", "C:\\evil.png"])
def test_a_name_never_becomes_a_path(visitor, picture, name):
    assert visitor.send(name, picture()).status_code == 200
    visitor.photos()
    files = {path.relative_to(visitor.folder).as_posix() for path in visitor.folder.rglob("*.*")}
    assert {path for path in files if "photos/" in path} == {"photos/00001.png"}
    assert not any("evil" in path for path in files)


def test_equal_names_stay_apart(visitor, picture):
    for seed in (1, 2):
        visitor.send("a.png", picture(seed))
    assert set(visitor.photos()) == {"a.png", "a.png (2)"}


def test_what_can_t_be_inspected_has_a_reason(visitor):
    visitor.send("bomb.png", header_of(60000, 60000))
    visitor.send("empty.jpg", b"")
    reasons = {name: photo["reason"] for name, photo in visitor.photos().items()}
    assert reasons["empty.jpg"] == "empty file"
    assert "megapixels, above photos.max_megapixels=120" in reasons["bomb.png"]
    assert visitor.send("a.exe", b"MZ").status_code == 415


def test_uploads_are_bounded(visitor, page):
    answer = visitor.send("large.png", bytes(1_000_001))
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "the file is larger than 1 MB (limits.photo_megabytes)",
    )
    parts = (bytes(300_000) for _ in range(4))  # without a length in the header
    assert visitor.send("large.png", parts).status_code == 413
    for number in range(6):
        assert visitor.send(f"{number}.jpg", b"").status_code == 200
    answer = visitor.send("7.jpg", b"")
    assert "6 photos (limits.photos)" in answer.json()["detail"]
    assert len(list((visitor.folder / "photos").iterdir())) == 6


def test_one_visitor_s_photos_are_not_another_s(visitor, page, picture):
    number = visitor.send("a.png", picture()).json()["number"]
    visitor.photos()
    visitor.get("/results/report.html")
    other = Visitor(page, visitor.address)
    assert other.get("/api/photos").json()["photos"] == []
    for path in (f"/api/photos/{number}/full", "/results/report/00001.jpg"):
        assert visitor.get(path).status_code == 200
        assert other.get(path).status_code == 404
    other.client.cookies.clear()
    assert other.get("/api/photos").status_code == 403


def test_when_nobody_has_come_for_long_a_visit_ends_and_its_files_go(
    settings, picture, monkeypatch
):
    monkeypatch.setattr(routes, "IDLE_CHECK", 0.05)
    page = make_page(Workbench(settings()))
    with served(page) as address:
        visitor = Visitor(page, address)
        visitor.send("a.png", picture())
        visitor.photos()
        folder, (visit,) = visitor.folder, page.state.bench.visits.current().values()
        assert folder.exists()
        visit.seen -= page.state.bench.config.limits.idle_hours * 3600 + 1
        deadline = time.monotonic() + 60
        while folder.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert visit.ended


def test_other_sites_can_do_nothing(visitor, picture):
    visitor.send("a.png", picture())
    visitor.photos()
    token = visitor.client.headers.pop("x-visit-token")
    assert visitor.send("b.png", picture()).status_code == 403
    assert visitor.client.delete("/api/visit").status_code == 403
    visitor.client.headers["x-visit-token"] = token
    foreign = {"sec-fetch-site": "cross-site"}
    assert visitor.get("/api/photos", headers=foreign).status_code == 403
    assert visitor.get("/api/photos", headers={"host": "evil.example:8765"}).status_code == 400
    assert visitor.get("/api/photos", headers={"host": "localhost:8765"}).status_code == 200
    for dest in ("image", "iframe"):
        # Each one would begin a visit, as another site's requests have no cookie.
        assert visitor.get("/", headers={**foreign, "sec-fetch-dest": dest}).status_code == 403
    assert visitor.get("/", headers={**foreign, "sec-fetch-dest": "document"}).status_code == 200
    policy = visitor.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_what_is_no_text_is_answered_in_a_sentence(visitor):
    about = visitor.client.put(
        "/api/inspection",
        content=rb'{"project": "\ud800"}',
        headers={"content-type": "application/json"},
    )
    assert (about.status_code, about.json()["detail"].split(":")[0]) == (422, "body.project")
    visitor.client.headers["x-visit-token"] = "é"
    assert visitor.client.delete("/api/visit").status_code == 403


@pytest.mark.parametrize(
    "path",
    ["../decision.json", "%2e%2e/x", "photos/00001.png", ".records/00001.json", "corrections.csv"],
)
def test_the_report_shows_its_own_files_only(visitor, picture, path):
    visitor.send("a.png", picture())
    visitor.photos()
    assert visitor.get(f"/results/{path}").status_code == 404


def test_downloads(visitor, picture):
    visitor.send(NAME, picture())
    visitor.send("empty.jpg", b"")
    record = visitor.photos()[NAME]["record"]
    about = {"project": "Havel bridge", "inspector": "A. Example"}
    assert visitor.client.put("/api/inspection", json=about).status_code == 200
    rows = list(csv.DictReader(io.StringIO(visitor.get("/download/photos.csv").text)))
    assert {row["photo"]: row["verdict"] for row in rows}["empty.jpg"] == "unreadable"
    details = visitor.get("/download/photos.json").json()
    assert details["photos"][0]["regions"] == record["regions"]
    assert details["inspection"]["project"] == "Havel bridge"
    assert visitor.get("/download/photos.geojson").json()["without_position"] == [NAME]
    archive = zipfile.ZipFile(io.BytesIO(visitor.get("/download/report.zip").content))
    assert "Havel bridge" in archive.read("report.html").decode()
    assert {"report/00001.jpg", "overlays/00001.jpg", "corrections.csv"} <= set(archive.namelist())
    assert not any(name.startswith("photos/") for name in archive.namelist())
    whole = zipfile.ZipFile(io.BytesIO(visitor.get("/download/report-and-photos.zip").content))
    assert whole.read("photos/00001.png") == picture()
    assert not list(visitor.folder.glob(".download*"))


def test_a_threshold_applies_to_what_is_taken_home(visitor, picture):
    visitor.send("a.png", picture())
    visitor.photos()
    details = visitor.get("/download/photos.json", params={"threshold": 1}).json()
    assert [photo["cracked"] for photo in details["photos"]] == [False]
    assert details["made_by"]["deviations"]["threshold"] == 1
    assert visitor.get("/download/photos.json", params={"threshold": 2}).status_code == 422
    (photo,) = visitor.photos().values()
    region = photo["record"]["regions"][0]
    visitor.correct(photo["number"], region["box"], "right", True)
    # A photo of the same boxes has no corrections of its own.
    visitor.send("b.png", picture())
    visitor.photos()
    details = visitor.get("/download/photos.json", params={"threshold": 1}).json()
    left = {one["photo"]: one["regions"] for one in details["photos"]}
    assert left == {"a.png": [region], "b.png": []}


def test_downloads_at_once_have_their_own_thresholds(visitor, picture):
    visitor.send("a.png", picture())
    visitor.photos()

    def download(threshold: float) -> list[float]:
        found = []
        for _ in range(20):
            answer = visitor.get("/download/photos.json", params={"threshold": threshold})
            found.append(answer.json()["made_by"]["threshold"])
        return found

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(download, [0.01, 0.99])) == [[0.01] * 20, [0.99] * 20]


def test_each_page_of_the_report_is_at_its_own_threshold(visitor, picture):
    visitor.send("a.png", picture())
    visitor.photos()
    first, other = (
        visitor.get("/results/report.html", params={"threshold": one}).text for one in (0, 1)
    )
    assert "1 of 1 photo cracked" in first
    assert "No crack on 1 photo" in other
    # The pages behind the first one are of the threshold that they are asked for.
    visitor.get("/results/report/page-2.html", params={"threshold": 0})
    assert "1 of 1 photo cracked" in (visitor.folder / "report.html").read_text(encoding="utf-8")


def test_corrections_are_kept_beside_the_results(visitor, picture):
    number = visitor.send("=a.png", picture()).json()["number"]
    record = visitor.photos()["=a.png"]["record"]
    visitor.client.put("/api/inspection", json={"inspector": "A. Example"})
    assert record["regions"]
    for region in record["regions"]:
        assert visitor.correct(number, region["box"], "no crack").status_code == 200
    assert visitor.correct(number, (5, 6, 25, 16), "crack missed", True).status_code == 200
    with (visitor.folder / "corrections.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(record["regions"]) + 1
    last = {key: value for key, value in rows[-1].items() if key != "at"}
    assert last == {
        **{"photo": "'=a.png", "file": "photos/00001.png", "by": "A. Example"},
        **{"x": "5", "y": "6", "width": "20", "height": "10"},
        **{"label": "crack missed", "cracked": "1"},
    }
    details = visitor.get("/download/photos.json").json()["photos"][0]
    assert [region["box"] for region in details["regions"]] == [[5, 6, 25, 16]]
    # Taken back, the photo has no crack.
    visitor.correct(number, (5, 6, 25, 16), None)
    details = visitor.get("/download/photos.json").json()["photos"][0]
    assert (details["cracked"], details["corrected_by"]) == (False, "A. Example")
    assert visitor.correct(number, (0, 0, 301, 10), "crack missed", True).status_code == 422


def test_a_missed_crack_beside_a_measured_one_can_be_taken_home(visitor, picture):
    number = visitor.send("a.png", picture()).json()["number"]
    (region, *_) = visitor.photos()["a.png"]["record"]["regions"]
    assert region["length_px"]
    assert visitor.correct(number, (5, 6, 25, 16), "crack missed", True).status_code == 200
    assert "by hand" in visitor.get("/results/report.html").text
    for name in ("photos.csv", "photos.json", "photos.geojson", "corrections.csv", "report.zip"):
        assert visitor.get(f"/download/{name}").status_code == 200, name


def test_a_removed_photo_leaves_no_files(visitor, picture):
    number = visitor.send("a.png", picture()).json()["number"]
    visitor.photos()
    visitor.get(f"/api/photos/{number}/full")
    visitor.correct(number, (0, 0, 300, 200), "no crack")
    assert visitor.client.delete(f"/api/photos/{number}").status_code == 200
    assert visitor.photos() == {}
    left = [path.name for path in visitor.folder.rglob("*") if path.is_file()]
    assert left == ["corrections.csv"]
    assert (visitor.folder / "corrections.csv").read_text().count("\n") == 1


def test_an_ended_visit_leaves_no_files(visitor, picture):
    visitor.send("a.png", picture())
    visitor.photos()
    folder = visitor.folder
    assert visitor.client.delete("/api/visit").status_code == 200
    assert not folder.exists()
    assert visitor.get("/api/photos").status_code == 403


def test_a_download_that_fails_leaves_no_file_and_says_why(visitor, picture, monkeypatch):
    visitor.send("a.png", picture())
    visitor.photos()
    before = {path.name for path in visitor.folder.iterdir()}

    def full(*given, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    answer = visitor.get("/download/report-and-photos.zip")
    assert (answer.status_code, answer.json()["detail"]) == (
        507,
        f"the server failed: {reason_of(OSError(errno.ENOSPC, ''))}",
    )
    failing = visitor.folder / "chromium"
    failing.write_text("#!/bin/sh\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(downloads, "browser", lambda: str(failing))
    assert "Chromium could not print" in visitor.get("/download/report.pdf").json()["detail"]
    results = {"report.html", "photos.csv", "photos.json", "photos.geojson"}
    assert {path.name for path in visitor.folder.iterdir()} - before <= {*results, "chromium"}
