"""Which images `python -m src.fetch` compares with those that a .dvc file pins."""

from pathlib import Path

from src.fetch import pins


def test_only_the_pinned_folder_is_compared(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.dvc").write_text("outs:\n- md5: 0.dir\n  path: data\n", encoding="utf-8")
    assert pins("data.dvc", "data")
    assert pins("data.dvc", f"{tmp_path}/other/../data/")
    assert not pins("data.dvc", "other")
