"""What a sweep checks before its first job, and what Hydra writes about it."""

import os
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from src.config.loader import CONF
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


@pytest.mark.slow
def test_a_fixed_split_seed_beside_a_manifest_is_not_refused(tmp_path):
    (tmp_path / "my.csv").write_text("path,label,part\n")
    given = ("model.dropout=0.1,0.3", "split.seed=1", "split.manifest=my.csv", "~local")
    # The address ends the sweep after the checks, before a job begins.
    command = [sys.executable, "-m", "src.train", "-m", *given, "tracking.uri=nonsense://x"]
    environment = {**os.environ, "PYTHONPATH": str(CONF.parent)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "would be alike" not in ended.stderr
    assert "can't track runs at nonsense://x" in ended.stderr
