"""The overrides of a sweep: which vary, and where their secrets go."""

import os

import pytest
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from src.config.loader import CONF
from src.errors import InputError
from src.sweeps.sweep_overrides import (
    overrides_by_key,
    refuse_no_sweep,
    swept_settings,
    without_secret_values,
)

SECRETS = (
    "http://user:s3cret@host:5000/a",
    "postgresql+psycopg2://user:s3cret@host/a",
    "https://host/images.zip?signature=s3cret",
)


def parsed(*given: str):
    found = OverridesParser.create().parse_overrides(list(given))
    return {one.get_key_element().lstrip("+"): one for one in found}


@pytest.mark.parametrize("key", ["tracking.uri", "data.url", "+data.sources.a.url"])
@pytest.mark.parametrize("address", SECRETS)
def test_a_secret_goes_to_the_jobs_by_their_environment(monkeypatch, key, address):
    monkeypatch.setenv("CRACK_SETTING_1", "")
    dropout, setting = without_secret_values(parsed("model.dropout=0.1,0.2", f"{key}='{address}'"))
    assert dropout == "model.dropout=0.1,0.2"
    assert "s3cret" not in setting
    assert os.environ["CRACK_SETTING_1"] == address
    # As a job reads it.
    (read,) = OverridesParser.create().parse_overrides([setting])
    assert OmegaConf.create({"value": read.value()}).value == address


def test_an_address_without_a_secret_stays():
    given = ["tracking.uri=http://host:5000"]
    assert without_secret_values(parsed(*given)) == given


@pytest.mark.parametrize(
    ("given", "every", "message"),
    [
        (["model.dropout=0.1"], True, "-m: no setting has several values"),
        (["model.dropout=0.1"], False, "-m: no setting has several values"),
        (["model.dropout=interval(0.1,0.3)"], True, "only a search draws from an interval"),
        (["+sweep=dropout,learning_rate"], True, "a command has one sweep; give each"),
        (["+launcher=joblib,ray"], False, "a command has one launcher; give each"),
    ],
)
def test_what_is_no_sweep_is_refused(given, every, message):
    with pytest.raises(InputError, match=message):
        refuse_no_sweep(parsed(*given), every=every)


def test_sweeps_are_not_refused():
    refuse_no_sweep(parsed("model.dropout=interval(0.1,0.3)"), every=False)
    refuse_no_sweep(parsed("model.dropout=0.1,0.3", "seed=2"), every=True)


@pytest.mark.parametrize("prefix", ["", "+", "++"])
def test_a_setting_given_twice_has_the_values_of_the_last(prefix):
    given = {
        "sweeper": {"params": {"model.dropout": "0.1,0.2,0.3"}},
        "overrides": {"task": ["seed=2", f"{prefix}model.dropout=0.4,0.5"]},
    }
    with initialize_config_dir(str(CONF), version_base="1.3"):
        found = overrides_by_key(OmegaConf.create({"hydra": given}))
    assert swept_settings(found) == {"model.dropout": "0.4,0.5"}
    # The job gets no other value for it.
    assert [key for key in found if "dropout" in key] == ["model.dropout"]
