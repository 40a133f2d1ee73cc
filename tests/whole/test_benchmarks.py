"""The benchmarks that need neither images nor a long run."""

import sys

from benchmarks import merging


def test_merging_writes_a_report_of_made_up_records(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["merging", "--photos", "250", "--shares", "3"])
    merging.main()
    assert "| pages of the report                |    3.00 |" in capsys.readouterr().out
