"""The command that lists and removes feature banks."""

import pytest

from src.bank.feature_bank import open_bank
from src.banks import main


def test_lists_and_removes(tmp_path, capsys):
    bank = open_bank(tmp_path, {"cut": "block_16_project"}, rows=3, shape=(2,))
    main([f"features.dir={tmp_path}"])
    listed = capsys.readouterr().out
    assert bank.folder.name in listed
    assert "cut block_16_pro" in listed
    main(["remove", bank.folder.name, f"features.dir={tmp_path}"])
    assert not bank.folder.exists()


def test_a_folder_without_banks_is_named(tmp_path, capsys):
    main([f"features.dir={tmp_path}"])
    assert capsys.readouterr().out == f"{tmp_path} holds no feature bank\n"


def test_unknown_bank_is_named(tmp_path):
    with pytest.raises(SystemExit, match="error: no feature bank abc"):
        main(["remove", "abc", f"features.dir={tmp_path}"])
