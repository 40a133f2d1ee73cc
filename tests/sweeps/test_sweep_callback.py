"""What Hydra writes about a sweep has no password."""

from omegaconf import OmegaConf

from src.sweeps.sweep_callback import _shown
from tests.sweeps.test_sweep_overrides import SECRETS


def test_the_settings_that_hydra_writes_have_no_secret():
    config = OmegaConf.create(
        {"data": {"urls": list(SECRETS), "size": "${seed}"}, "seed": 1, "hydra": {"a": "???"}}
    )
    shown = _shown(config)
    assert "s3cret" not in str(shown)
    assert shown["data"]["urls"][0] == "http://host:5000/a"
    assert (shown["data"]["size"], set(shown)) == ("${seed}", {"data", "seed"})
