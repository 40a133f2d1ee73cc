"""The resolved file that DVC's stages read, and the code fingerprints beside it."""

import pytest
import yaml

from src.compose import compose_pipeline
from src.config.code_closure import code_fingerprints
from src.errors import InputError


def test_resolved_file_holds_values_and_no_interpolations(tmp_path):
    target = tmp_path / "pipeline.yaml"
    compose_pipeline(["seed=7", "model.dropout=0.4"], target)
    resolved = yaml.safe_load(target.read_text())
    assert resolved["split"]["seed"] == resolved["train"]["seed"] == 7
    assert resolved["model"]["dropout"] == 0.4
    assert resolved["split"]["manifest"] == "outputs/pipeline/split.csv"
    assert "${" not in target.read_text()


def test_bad_override_leaves_the_file_as_it_was(tmp_path):
    target = tmp_path / "pipeline.yaml"
    target.write_text("before")
    with pytest.raises(InputError, match=r"model\.dropout"):
        compose_pipeline(["model.dropout=5"], target)
    assert target.read_text() == "before"


def test_code_fingerprint_sees_statements_and_no_comments(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    module = package / "module.py"

    def fingerprint(text: str) -> object:
        module.write_text(text)
        return code_fingerprints(tmp_path)["package"]["module"]

    plain = fingerprint("def f():\n    return 1\n")
    assert fingerprint('"""Docs."""\n# why\ndef f():\n    """More."""\n    return 1\n') == plain
    assert fingerprint("def f():\n    return 2\n") != plain
