"""What Hydra writes about a sweep has no password, and the jobs find it all the same."""

import os

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from src.sweeps.sweep_callback import _shown, _without_secrets

SECRETS = (
    "http://user:s3cret@host:5000/a",
    "postgresql+psycopg2://user:s3cret@host/a",
    "https://host/images.zip?signature=s3cret",
)


def parsed(*given: str):
    found = OverridesParser.create().parse_overrides(list(given))
    return {one.get_key_element(): one for one in found}


@pytest.mark.parametrize("key", ["tracking.uri", "data.url", "+data.sources.a.url"])
@pytest.mark.parametrize("address", SECRETS)
def test_a_secret_goes_to_the_jobs_by_their_environment(monkeypatch, key, address):
    monkeypatch.setenv("CRACK_SETTING_1", "")
    dropout, setting = _without_secrets(parsed("model.dropout=0.1,0.2", f"{key}='{address}'"))
    assert dropout == "model.dropout=0.1,0.2"
    assert "s3cret" not in setting
    assert os.environ["CRACK_SETTING_1"] == address
    # As a job reads it.
    (read,) = OverridesParser.create().parse_overrides([setting])
    assert OmegaConf.create({"value": read.value()}).value == address


def test_an_address_without_a_secret_stays():
    given = ["tracking.uri=http://host:5000"]
    assert _without_secrets(parsed(*given)) == given


def test_the_settings_that_hydra_writes_have_no_secret():
    config = OmegaConf.create(
        {"data": {"urls": list(SECRETS), "size": "${seed}"}, "seed": 1, "hydra": {"a": "???"}}
    )
    shown = _shown(config)
    assert "s3cret" not in str(shown)
    assert shown["data"]["urls"][0] == "http://host:5000/a"
    assert (shown["data"]["size"], set(shown)) == ("${seed}", {"data", "seed"})
