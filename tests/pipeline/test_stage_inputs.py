"""What the stages of dvc.yaml read: resolved settings, and one fingerprint of code a stage."""

from pathlib import Path

import pytest
import yaml

from src.config.code_closure import code_fingerprint
from src.config.loader import ROOT
from src.errors import InputError
from src.pipeline.stage_inputs import compose_stages, pipeline_in, write_code, write_params
from tests.sections import changed


def test_the_file_of_parameters_holds_values_and_no_interpolations(tmp_path):
    target = tmp_path / "params.yaml"
    write_params(compose_stages(["seed=7", "model.dropout=0.4"]), target)
    text = target.read_text(encoding="utf-8")
    resolved = yaml.safe_load(text)
    assert resolved["split"]["seed"] == resolved["train"]["seed"] == 7
    assert resolved["model"]["dropout"] == 0.4
    assert resolved["split"]["manifest"] == "outputs/pipeline/split.csv"
    assert "${" not in text


def test_a_bad_override_is_named():
    with pytest.raises(InputError, match=r"model\.dropout"):
        compose_stages(["model.dropout=5"])


def test_every_stage_has_the_fingerprint_of_its_entry_point(tmp_path):
    write_code(changed(compose_stages([]), workspace=str(tmp_path)))
    code = yaml.safe_load((tmp_path / "code.yaml").read_text(encoding="utf-8"))
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert code.keys() == stages.keys() - {"compose"}
    assert all(value == code_fingerprint(f"src.{stage}") for stage, value in code.items())
    for stage in code:
        (keys,) = (one for one in stages[stage]["params"] if "outputs/pipeline/code.yaml" in one)
        assert keys == {"outputs/pipeline/code.yaml": [stage]}


def test_a_pipeline_in_a_folder_of_its_own_touches_nothing_of_the_tracked_one():
    pipeline = pipeline_in(Path("outputs", "demo"))
    stages = yaml.safe_load(pipeline)["stages"]
    assert "compose" not in stages
    assert {stage["wdir"] for stage in stages.values()} == {"../.."}
    for tracked in ("outputs/pipeline", "- reports/", "- params.yaml"):
        assert tracked not in pipeline
    assert "outputs/demo/params.yaml" in pipeline
