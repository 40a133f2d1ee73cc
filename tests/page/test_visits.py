"""Visits: how many there may be, and what is left of them."""

import time

import pytest

from src.config.loader import compose_as
from src.config.tool_schema import App
from src.errors import InputError
from src.page.visits import Refused, Visits


def visits_in(folder, *overrides: str, kept: bool = False) -> Visits:
    config = compose_as(App, "app/config", list(overrides))
    return Visits(folder, config.limits, config.inspection, kept=kept)


def test_visits_are_bounded(tmp_path):
    visits = visits_in(tmp_path, "limits.visits=2")
    opened = [visits.open() for _ in range(2)]
    for _, visit in opened:
        visit.reserve("a.jpg", ".jpg", 0)
    with pytest.raises(Refused, match=r"limits\.visits"):
        visits.open()
    secret = opened[0][0]
    visits.end(secret)
    assert visits.open()
    assert visits.found(secret) is None
    assert visits.found(None) is None


def test_a_visit_without_photos_gives_way_to_a_new_one(tmp_path):
    visits = visits_in(tmp_path, "limits.visits=3")
    used, visit = visits.open()
    visit.reserve("a.jpg", ".jpg", 0)
    older, newer = visits.open()[0], visits.open()[0]
    for _ in range(2):
        visits.found(older)
        newer, last = visits.open()[0], newer
        assert visits.found(last) is None
    assert visits.found(used)
    assert visits.found(older)


def test_idle_visits_end(tmp_path):
    visits = visits_in(tmp_path, "limits.idle_hours=1")
    old, visit = visits.open()
    recent, _ = visits.open()
    visit.seen = time.monotonic() - 3601
    assert visits.idle() == [old]
    visits.end(old)
    assert visits.found(old) is None
    assert not visit.folder.exists()
    assert visits.found(recent)


def test_kept_visits_stay_unless_they_are_empty(tmp_path):
    visits = visits_in(tmp_path, kept=True)
    empty, _ = visits.open()
    full, visit = visits.open()
    visit.add(visit.reserve("a.jpg", ".jpg", 10), 10)
    for secret in (empty, full):
        visits.end(secret)
    assert list(tmp_path.iterdir()) == [visit.folder]
    assert (visit.folder / "corrections.csv").is_file()


def test_all_photos_together_are_bounded(tmp_path):
    _, visit = visits_in(tmp_path, "limits.megabytes=1").open()
    # A photo that has only begun to arrive counts.
    upload = visit.reserve("a.jpg", ".jpg", 900_000)
    for _ in range(2):
        with pytest.raises(Refused, match=r"1 MB in all \(limits\.megabytes\)"):
            visit.reserve("b.jpg", ".jpg", 200_000)
        visit.add(upload, 900_000) if upload not in visit.present() else None
    visit.remove(upload)
    assert visit.reserve("b.jpg", ".jpg", 200_000)


def test_photos_that_arrive_at_once_are_bounded_and_have_names_of_their_own(tmp_path):
    _, visit = visits_in(tmp_path, "limits.photos=2").open()
    first, second = (visit.reserve("a.jpg", ".jpg", 0) for _ in range(2))
    assert (first.name, second.name) == ("a.jpg", "a.jpg (2)")
    with pytest.raises(Refused, match=r"2 photos \(limits\.photos\)"):
        visit.reserve("b.jpg", ".jpg", 0)
    visit.drop(first)
    assert visit.reserve("a.jpg", ".jpg", 0).name == "a.jpg"


def test_another_address_than_loopback_must_be_told():
    with pytest.raises(InputError, match=r"host 0\.0\.0\.0 can be reached from other machines"):
        compose_as(App, "app/config", ["host=0.0.0.0"])
    assert compose_as(App, "app/config", ["host=0.0.0.0", "remote=true"]).remote
