"""What the stages of dvc.yaml read, and dvc.yaml itself moved into another folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from src.config.loader import CONF
from src.config.schema import Config
from src.data.drawn.pictures import write_patches
from src.pipeline.stage_inputs import pipeline_in, write_code, write_params
from tests.conftest import ROOT
from tests.sections import changed

FOLDERS = ("outputs/demo", "outputs/deeper/one")


def pipeline(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)


def paths(value: Any) -> Iterator[str]:
    """All files that the stages name."""
    match value:
        case str():
            if "/" in value or value.endswith(".yaml"):
                yield value
        case list():
            for one in value:
                yield from paths(one)
        case dict():
            for key, one in value.items():
                yield from paths(key)
                yield from paths(one)


@pytest.mark.parametrize("folder", FOLDERS)
def test_all_files_of_the_moved_stages_lie_in_the_folder(folder):
    stages = pipeline(pipeline_in(Path(folder)))["stages"]
    for stage in stages.values():
        assert Path(folder, stage.pop("wdir")).resolve() == Path.cwd()
    named = set(paths(stages))
    assert f"{folder}/params.yaml" in named
    assert f"{folder}/reports/metrics.json" in named
    assert {path for path in named if not path.startswith(f"{folder}/")} == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_else_changes(folder):
    before = pipeline((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    after = pipeline(pipeline_in(Path(folder)))
    assert after["vars"] == [{"with": f"--config-dir {folder} --config-name stage"}]
    before["stages"].pop("compose")
    assert list(after["stages"]) == list(before["stages"])
    for name, stage in after["stages"].items():
        stage.pop("wdir")
        assert stage["cmd"] == before["stages"][name]["cmd"]
        assert stage.keys() == before["stages"][name].keys()
        moved_back = (
            str(stage).replace(f"{folder}/params", "params").replace(f"{folder}/rep", "rep")
        )
        assert moved_back.replace(f"{folder}/", "outputs/pipeline/") == str(before["stages"][name])


def test_photos_that_change_are_another_input_of_the_fetch_alone(tmp_path, composed, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_patches(tmp_path / "photos", images=10, seed=0, size=96)
    config = composed("data=local", f"data.path={tmp_path / 'photos'}", "workspace=work")

    def code() -> dict[str, str]:
        write_code(config)
        return yaml.safe_load(Path("work/code.yaml").read_text(encoding="utf-8"))

    before = code()
    assert code() == before
    one = next((tmp_path / "photos" / "Positive").iterdir())
    one.rename(one.with_name("renamed.jpg"))
    changed = {stage for stage, fingerprint in code().items() if fingerprint != before[stage]}
    assert changed == {"fetch"}


def test_photographs_of_the_rule_are_an_input_of_the_training(tmp_path, composed, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    folders = f"decision.photographs.folders=[{tmp_path / 'photos'}]"
    config = composed("decision=photographs", folders, "workspace=work")

    def code() -> dict[str, str]:
        write_code(config)
        return yaml.safe_load(Path("work/code.yaml").read_text(encoding="utf-8"))

    before = code()
    (tmp_path / "photos" / "labels.csv").touch()
    changed = {stage for stage, fingerprint in code().items() if fingerprint != before[stage]}
    assert changed == {"train"}


def test_a_manifest_that_changes_is_an_input_of_the_split(tmp_path, composed, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own, given = tmp_path / "work/split.csv", tmp_path / "my.csv"
    own.parent.mkdir()

    def split_of(manifest: str) -> str:
        write_code(composed(f"split.manifest={manifest}", "workspace=work"))
        return yaml.safe_load(Path("work/code.yaml").read_text(encoding="utf-8"))["split"]

    for file, counts in ((given, True), (own, False)):
        file.write_text("one")
        before = split_of("my.csv" if counts else "work/split.csv")
        file.write_text("another")
        assert (split_of("my.csv" if counts else "work/split.csv") != before) is counts


def test_stages_depend_on_what_they_read():
    stages = yaml.safe_load((CONF.parent / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    # The listing has photographs, labels and sources, which the groups of twins do not have.
    for stage in ("audit", "split", "embed", "train"):
        assert "outputs/pipeline/images.csv" in stages[stage]["deps"]
    # The decision's threshold is the cheapest one.
    params = stages["train"]["params"][0]["params.yaml"]
    assert {"evaluate.missed_crack", "evaluate.false_alarm"} <= set(params)
    # It names the engine and its precision, also where nothing is stored.
    assert {"features.engine", "features.precision"} <= set(params)
    # It checks what a coarser precision changes.
    bounds = {"max_disagreement", "max_loss_change", "verdict_images"}
    assert {f"features.{name}" for name in bounds} <= set(params)
    # The features depend on the weights.
    assert "model.imagenet" in stages["embed"]["params"][0]["params.yaml"]


@pytest.mark.parametrize("text", ["1e-4", "1e3", "31875e98", "a${seed}", "null", "#x", "5"])
def test_a_text_is_the_same_text_for_the_stages(tmp_path, composed, text):
    config = composed()
    named = changed(config, tracking=changed(config.tracking, run_name=text))
    write_params(named, tmp_path / "params.yaml")
    read = OmegaConf.to_container(OmegaConf.load(tmp_path / "params.yaml"), resolve=True)
    assert Config.model_validate(read) == named
