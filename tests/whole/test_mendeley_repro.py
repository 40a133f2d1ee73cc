"""A clone with an empty cache gets the pinned images by itself, through the fetch stage."""

import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.data.sources.samples import jpeg, lay_out, pack
from tests.data.sources.servers import Server, answer_json, file, serve
from tests.whole.project import Project

pytestmark = pytest.mark.slow
NAMES = [f"{name}/{number:05}.jpg" for name in ("Negative", "Positive") for number in range(20)]
METU = """\
defaults:
  - override /data: mendeley
data: {data}
audit: {{overlaps: null}}
"""
FILES = {name: jpeg(seed) for seed, name in enumerate(NAMES)}


@pytest.fixture(scope="module")
def server():
    with serve() as running:
        yield running


@pytest.fixture(scope="module")
def project(tmp_path_factory, server: Server, warm_python: Path) -> Project:
    """A clone whose data.dvc pins the images of a small archive. It has no images and no cache."""
    project = Project(tmp_path_factory.mktemp("clone"), warm_python)
    folder = project.folder
    lay_out(folder / "data", FILES)
    project.run("dvc", "add", "--quiet", "data")
    shutil.rmtree(folder / "data")
    shutil.rmtree(folder / ".dvc/cache")
    body = pack(tmp_path_factory.mktemp("archive") / "archive.rar", FILES, rar="rar40").read_bytes()
    details = describe(server, body)
    content = details["content_details"]
    server.answers = {
        "/public-api/datasets/5y9wdsg2zt/files": [answer_json([details])],
        "/file": [file(body)],
    }
    chosen = {
        "api": f"{server.address}/public-api",
        "direct_url": f"{server.address}/file",
        "size": content["size"],
        "sha256": content["sha256_hash"],
        "minimum_images": 40,
        "http": {"backoff": 0.01},
    }
    project.choose(METU.format(data=json.dumps(chosen)))
    project.commit()
    return project


def describe(server: Server, body: bytes) -> dict:
    content = {
        "size": len(body),
        "sha256_hash": hashlib.sha256(body).hexdigest(),
        "download_url": f"{server.address}/file",
    }
    name = "Concrete Crack Images for Classification.rar"
    return {"filename": name, "size": len(body), "content_details": content}


def images(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.jpg")}


def test_repro_fetches_and_status_is_clean(project):
    assert project.repro("split") == {"compose", "fetch", "audit", "split"}
    assert images(project.folder / "data") == FILES
    manifest = pd.read_csv(project.folder / "outputs/pipeline/split.csv")
    assert manifest.part.value_counts().to_dict() == {"train": 24, "validation": 8, "test": 8}
    status = json.loads(project.run("dvc", "status", "--json", "split", "data.dvc"))
    assert status == {}
    assert project.repro("split") == set()
    changed = project.git("status", "--porcelain").splitlines()
    assert sorted(line.split()[-1] for line in changed) == ["dvc.lock", "params.yaml"]


def fetch(project: Project) -> str:
    return project.run("src.fetch", "--config-dir", ".", "--config-name", "stage")


def test_restored_images_are_not_fetched_again(project, server):
    asked = len(server.requests)
    shutil.rmtree(project.folder / "data")
    project.run("dvc", "checkout", "--quiet", "data.dvc")
    assert "20 Negative, 20 Positive; 0 left out" in fetch(project)
    assert images(project.folder / "data") == FILES
    assert len(server.requests) == asked


def test_other_images_than_those_pinned_are_an_error(project):
    changed = project.folder / "data/Positive/00003.jpg"
    changed.unlink()
    changed.write_bytes(jpeg(99))
    with pytest.raises(AssertionError, match=r"dvc commit data\.dvc failed: .*data"):
        fetch(project)
