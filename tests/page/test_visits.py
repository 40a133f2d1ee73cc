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
    secrets = [visits.open()[0] for _ in range(2)]
    with pytest.raises(Refused, match=r"limits\.visits"):
        visits.open()
    visits.end(secrets[0])
    assert visits.open()
    assert visits.found(secrets[0]) is None
    assert visits.found(None) is None


def test_idle_visits_end(tmp_path):
    visits = visits_in(tmp_path, "limits.idle_hours=1")
    old, visit = visits.open()
    recent, _ = visits.open()
    visit.seen = time.monotonic() - 3601
    visits.end_idle()
    assert visits.found(old) is None
    assert not visit.folder.exists()
    assert visits.found(recent)


def test_kept_visits_stay_unless_they_are_empty(tmp_path):
    visits = visits_in(tmp_path, kept=True)
    empty, _ = visits.open()
    full, visit = visits.open()
    visit.add(visit.reserve("a.jpg", ".jpg"))
    for secret in (empty, full):
        visits.end(secret)
    assert list(tmp_path.iterdir()) == [visit.folder]
    assert (visit.folder / "corrections.csv").is_file()


def test_all_photos_together_are_bounded(tmp_path):
    _, visit = visits_in(tmp_path, "limits.megabytes=1").open()
    upload = visit.reserve("a.jpg", ".jpg")
    upload.size = 900_000
    visit.add(upload)
    with pytest.raises(Refused, match=r"1 MB in all \(limits\.megabytes\)"):
        visit.check_room(200_000)


def test_another_address_than_loopback_must_be_told():
    with pytest.raises(InputError, match=r"host 0\.0\.0\.0 can be reached from other machines"):
        compose_as(App, "app/config", ["host=0.0.0.0"])
    assert compose_as(App, "app/config", ["host=0.0.0.0", "remote=true"]).remote
