"""The workbench: what it leaves in a folder that is kept, and what not."""

import pytest

from src.page.workbench import Workbench

pytestmark = pytest.mark.slow


def uploaded(bench, picture):
    secret, visit = bench.visits.open()
    upload = visit.reserve("a.png", ".png")
    upload.place.path.write_bytes(picture())
    visit.add(upload)
    return secret, visit, upload


def test_kept_visits_have_results(settings, picture, tmp_path):
    bench = Workbench(settings(f"keep={tmp_path}"))
    _, visit, upload = uploaded(bench, picture)
    bench._inspect(visit, upload)
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
