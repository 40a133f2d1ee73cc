"""The workbench: what it leaves in a folder that is kept, and what not."""

import zipfile

import pytest
from PIL import Image

from src.errors import InputError
from src.page import workbench
from src.page.downloads import zipped
from src.page.visits import Refused
from src.page.workbench import Workbench
from src.photos.photo_search import OVERLAYS
from src.photos.result_files import write_results

pytestmark = pytest.mark.slow


def uploaded(bench, picture):
    secret, visit = bench.open()
    upload = visit.reserve("a.png", ".png", len(picture()))
    upload.place.path.write_bytes(picture())
    visit.add(upload, len(picture()))
    return secret, visit, upload


def test_kept_visits_have_results(settings, picture, tmp_path):
    bench = Workbench(settings(f"keep={tmp_path}"))
    _, visit, upload = uploaded(bench, picture)
    bench._inspect(visit, upload)
    visit.seen -= bench.config.limits.idle_hours * 3600 + 1
    bench.end_idle()
    assert visit.ended
    bench.close()
    kept = {path.name for path in visit.folder.iterdir()}
    assert {"photos", "report.html", "photos.csv", "photos.json", "corrections.csv"} <= kept
    assert (visit.folder / "photos" / "00001.png").read_bytes() == picture()


@pytest.mark.parametrize("what", ["photo", "visit"])
def test_what_is_deleted_while_it_is_inspected_leaves_nothing(settings, picture, what):
    bench = Workbench(settings())
    secret, visit, upload = uploaded(bench, picture)
    findings = bench.inspector.findings

    def meanwhile(photo):
        if what == "photo":
            visit.remove(upload)
        else:
            bench.end(secret)
        return findings(photo)

    bench.inspector.findings = meanwhile
    bench._inspect(visit, upload)
    left = [path.name for path in visit.folder.rglob("*") if path.is_file()]
    assert left == (["corrections.csv"] if what == "photo" else [])
    bench.close()


def test_a_folder_that_can_t_keep_visits_is_named_at_the_start(settings, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"keep: .*/file/kept"):
        Workbench(settings(f"keep={tmp_path / 'file' / 'kept'}"))


def test_a_picture_that_could_not_be_written_is_made_when_it_can_be(settings, picture, monkeypatch):
    bench = Workbench(settings())
    _, visit, upload = uploaded(bench, picture)
    bench._inspect(visit, upload)
    folder = visit.folder / ".records"
    folder.rename(visit.folder / "away")
    folder.write_text("")  # in place of a full disk
    with pytest.raises(InputError, match="cannot be written"):
        bench.full_photo(visit, upload)
    folder.unlink()
    (visit.folder / "away").rename(folder)
    assert Image.open(bench.full_photo(visit, upload)).size == (300, 200)
    bench.close()


def test_a_visit_that_ends_while_its_results_are_written_stays_ended(
    settings, picture, monkeypatch
):
    bench = Workbench(settings())
    secret, visit, upload = uploaded(bench, picture)
    bench._inspect(visit, upload)

    def ending(*given, **options):
        bench.end(secret)
        return write_results(*given, **options)

    monkeypatch.setattr(workbench, "write_results", ending)
    with pytest.raises(Refused, match="the visit has ended"):
        bench.results(visit, None)
    assert not visit.folder.exists()
    with pytest.raises(Refused, match="the visit has ended"):
        bench.full_photo(visit, upload)
    bench.close()


def test_photos_that_wait_are_named_in_the_results(settings, picture):
    bench = Workbench(settings())
    _, visit, _ = uploaded(bench, picture)
    results = bench.results(visit, None)
    assert results.unreadable == [("a.png", "not inspected yet")]
    bench.close()


def test_what_is_not_written_completely_is_not_taken_home(settings, picture):
    bench = Workbench(settings())
    _, visit, _ = uploaded(bench, picture)
    bench.results(visit, None)
    (visit.folder / OVERLAYS / ".00001.jpg.machine.1.0.part").write_bytes(picture()[:50])
    with zipfile.ZipFile(zipped(visit.folder, [])) as kept:
        assert [name for name in kept.namelist() if name.endswith(".part")] == []
    bench.close()


def test_a_photo_that_still_arrives_is_not_taken_home(settings, picture):
    bench = Workbench(settings())
    _, visit, upload = uploaded(bench, picture)
    arriving = visit.reserve("b.png", ".png", 100)
    arriving.place.path.write_bytes(picture()[:50])
    bench.results(visit, None)
    with zipfile.ZipFile(zipped(visit.folder, [one.place.path for one in visit.present()])) as kept:
        names = [name for name in kept.namelist() if name.startswith("photos/")]
    assert names == [upload.file]
    bench.close()
