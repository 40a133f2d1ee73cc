"""What Hydra writes about a sweep has no password, and the jobs find it all the same."""

import os

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from src.sweeps.sweep_callback import _without_password


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg2"])
def test_a_password_goes_to_the_jobs_by_their_environment(monkeypatch, scheme):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    address = f"{scheme}://user:s3cret@host:5000/a"
    given = [f"tracking.uri='{address}'", "model.dropout=0.1,0.2"]
    parsed = OverridesParser.create().parse_overrides(given)
    kept = _without_password({one.get_key_element(): one for one in parsed})
    assert [one.input_line for one in kept.values()] == ["model.dropout=0.1,0.2"]
    assert os.environ["MLFLOW_TRACKING_URI"] == address


def test_an_address_without_a_password_stays(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "other")
    parsed = OverridesParser.create().parse_overrides(["tracking.uri=http://host:5000"])
    overrides = {one.get_key_element(): one for one in parsed}
    assert _without_password(overrides) == overrides
    assert os.environ["MLFLOW_TRACKING_URI"] == "other"
