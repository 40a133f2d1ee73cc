"""What `python -m src.compose` writes, and what it leaves alone."""

import shutil
from pathlib import Path

import pytest
import yaml

from src.compose import main
from src.config import loader
from src.config.code_closure import code_fingerprint
from tests.conftest import ROOT

CODE = Path("outputs/pipeline/code.yaml")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """The current folder, into which everything is written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_EXP_BASELINE_REV", raising=False)
    return tmp_path


@pytest.mark.slow
def test_settings_are_those_that_git_keeps(folder):
    main()
    written = (folder / "params.yaml").read_text(encoding="utf-8")
    assert "${" not in written
    assert written == (ROOT / "params.yaml").read_text(encoding="utf-8"), "commit `src.compose`'s"
    settings = yaml.safe_load(written)
    assert settings["data"]["source"] == "mendeley"
    assert settings["split"]["manifest"] == "outputs/pipeline/split.csv"


def test_every_stage_has_the_fingerprint_of_its_code():
    main()
    stages = set(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
    code = yaml.safe_load(CODE.read_text(encoding="utf-8"))
    assert set(code) == stages - {"compose"}
    assert code["split"] == code_fingerprint("src.split") != code["train"]


def test_bad_choice_leaves_the_files_as_they_were(folder, monkeypatch):
    (folder / "params.yaml").write_text("before", encoding="utf-8")
    (folder / "conf").mkdir()
    (folder / "conf" / "pipeline.yaml").write_text("model: {dropout: 5}\n", encoding="utf-8")
    monkeypatch.setattr(loader, "CONF", folder / "conf")
    with pytest.raises(SystemExit, match=r"error: configuration:(.|\n)*model\.dropout: should be"):
        main()
    assert (folder / "params.yaml").read_text(encoding="utf-8") == "before"
    assert not CODE.exists()


def test_settings_of_an_experiment_of_dvc_stay(folder, monkeypatch):
    main()
    settings = (folder / "params.yaml").read_text(encoding="utf-8")
    edited = settings.replace("dropout: 0.2", "dropout: 0.3")
    assert edited != settings
    (folder / "params.yaml").write_text(edited, encoding="utf-8")
    CODE.unlink()
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0" * 40)
    main()
    assert (folder / "params.yaml").read_text(encoding="utf-8") == edited
    assert CODE.exists()


def test_settings_of_an_experiment_of_dvc_are_checked(folder, monkeypatch):
    main()
    settings = (folder / "params.yaml").read_text(encoding="utf-8")
    (folder / "params.yaml").write_text(
        settings.replace("dropout: 0.2", "dropout: 5"), encoding="utf-8"
    )
    CODE.unlink()
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0" * 40)
    with pytest.raises(SystemExit, match=r"model\.dropout: should be less than 1 \(it is 5\)"):
        main()
    assert not CODE.exists()


def test_no_password_is_written_and_a_sentence_says_so(folder, monkeypatch, capsys):
    shutil.copytree(ROOT / "conf", folder / "conf")
    monkeypatch.setattr(loader, "CONF", folder / "conf")
    file = folder / "conf/shared/tracking_server.yaml"
    file.write_text(file.read_text().replace("uri: null", "uri: http://user:s3cret@host:5000"))
    main()
    written = (folder / "params.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(written)["tracking"]["uri"] == "http://host:5000"
    told = capsys.readouterr().out
    assert "MLFLOW_TRACKING_PASSWORD" in told
    assert "s3cret" not in told + written
