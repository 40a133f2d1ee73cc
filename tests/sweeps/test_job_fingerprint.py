"""What makes two runs the same."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from src.config import code_closure
from src.config.schema import Config
from src.config.schema_settings import setting_names
from src.data.corrections import Correction, write_corrections
from src.data.sources.corrected_photos import state_of_corrections
from src.sweeps.job_fingerprint import INDIFFERENT, job_fingerprint
from src.tracking import runs, shared_views
from src.tracking.runs import flatten


@pytest.fixture(scope="module")
def of(composed):
    """Function that computes the fingerprint of a configuration with overrides."""

    @functools.cache
    def of(*overrides: str) -> str:
        return job_fingerprint(flatten(composed(*overrides).model_dump()))

    return of


@pytest.mark.slow
@pytest.mark.parametrize(
    "override",
    [
        "model.dropout=0.3",
        "model.imagenet.sha256=" + "0" * 64,
        "train.path=end_to_end",
        "train.seed=1",
        "seed=1",
        "split.fold=1",
        "split=random",
        "augment=none",
        "data.seed=1",
        "audit.threshold=0.9",
        "features.precision=bf16",
        "features.views=2",
        "features.max_kib_per_image=1",
    ],
)
def test_what_decides_the_result_counts(of, override):
    assert of(override) != of()


@pytest.mark.slow
@pytest.mark.parametrize(
    "override",
    [
        "tracking.run_name=another",
        "tracking.parent_run='1234'",
        "tracking.experiment=another",
        "threads.tensorflow=1",
        "workspace=elsewhere",
        "reports=elsewhere",
        "data.dir=elsewhere",
        "features.dir=elsewhere",
        "features.batch_size=8",
        "model.imagenet.path=elsewhere",
        "train.output=elsewhere",
        "audit.gallery=9",
    ],
)
def test_what_only_says_where_and_how_fast_does_not(of, override):
    assert of(override) == of()


@pytest.mark.parametrize(
    "names", [INDIFFERENT, runs.PARAMETERS, runs._PLACES, shared_views.SETTINGS]
)
def test_settings_that_are_named_in_the_code_exist(names):
    known = setting_names(Config)
    sections = {name[:end] for name in known for end in (*_dots(name), len(name))}
    assert set(names) <= sections


def _dots(name: str) -> list[int]:
    return [place for place, letter in enumerate(name) if letter == "."]


def test_swept_setting_counts_all_the_same():
    one, other = {"features.batch_size": 4}, {"features.batch_size": 8}
    assert job_fingerprint(one) == job_fingerprint(other)
    assert job_fingerprint(one, ["features.batch_size"]) != job_fingerprint(
        other, ["features.batch_size"]
    )


def test_manifest_counts_by_its_content(tmp_path):
    same, other = tmp_path / "a.csv", tmp_path / "b.csv"
    same.write_text("path,label,part\n")
    other.write_text("path,label,part\n")
    assert job_fingerprint({"split.manifest": str(same)}) == job_fingerprint(
        {"split.manifest": str(other)}
    )
    before = job_fingerprint({"split.manifest": str(other)})
    other.write_text("path,label,part\n1.jpg,0,test\n")
    assert job_fingerprint({"split.manifest": str(other)}) != before


def test_images_of_this_machine_count_by_what_lies_there(of, tmp_path):
    for name in ("Negative", "Positive"):
        (tmp_path / name).mkdir()
    (tmp_path / "Negative" / "1.jpg").write_bytes(b"one")
    local = ("data=local", f"data.path={tmp_path}")
    before = of(*local)
    of.cache_clear()
    assert of(*local) == before
    of.cache_clear()
    (tmp_path / "Negative" / "1.jpg").rename(tmp_path / "Positive" / "1.jpg")
    assert of(*local) != before


def test_photographs_of_the_rule_count_by_what_lies_there(of, tmp_path):
    given = ("decision=photographs", f"decision.photographs.folders=[{tmp_path}]")
    before = of(*given)
    of.cache_clear()
    (tmp_path / "labels.csv").touch()
    assert of(*given) != before


def test_corrected_photos_count_with_their_table(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"one")
    said = {"label": "right", "cracked": True, "by": "", "at": "now"}
    write_corrections(tmp_path, [Correction.of_box((0, 0, 9, 9), photo="a", file="a.jpg", **said)])
    before = state_of_corrections(tmp_path)
    assert state_of_corrections(tmp_path) == before
    (tmp_path / "a.jpg").write_bytes(b"another")
    assert state_of_corrections(tmp_path) != before


def test_one_of_several_sources_counts_as_a_single_one_does(of, tmp_path):
    several = ("data=several", "+data@data.sources.a=synthetic", "+data@data.sources.b=photos")
    several += (f"data.sources.b.path={tmp_path}",)
    assert of(*several, "data.sources.a.dir=elsewhere", "data.dir=anywhere") == of(*several)
    assert of(*several, "data.sources.a.seed=1") != of(*several)
    before = of(*several)
    of.cache_clear()
    (tmp_path / "labels.csv").touch()
    assert of(*several) != before


@pytest.fixture
def edit(tmp_path, monkeypatch) -> Callable[[str, str], None]:
    """Function that adds a line to a module in a copy of src/, which fingerprints are taken of."""
    copied = shutil.copytree(code_closure.SRC, tmp_path / "src")
    monkeypatch.setattr(code_closure, "SRC", copied)

    def add(module: str, line: str) -> None:
        with Path(copied, module).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
        code_closure.imports_and_statements.cache_clear()

    yield add
    code_closure.imports_and_statements.cache_clear()


@pytest.mark.slow
def test_statements_that_a_job_runs_count(edit):
    run = ("pipeline/tracked_run.py", "statistics/run_metrics.py")
    before = job_fingerprint({})
    for module in run:
        edit(module, "# A remark.")
    # No job runs these.
    for module in ("photos/overlay.py", "formats/onnx.py"):
        edit(module, "STATEMENT = 1")
    assert job_fingerprint({}) == before
    for module in run:
        edit(module, "STATEMENT = 1")
        after = job_fingerprint({})
        assert after != before, module
        before = after
