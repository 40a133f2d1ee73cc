"""The pipeline on a folder of one's own photos, which change."""

import json
import shutil

import pytest

from src.data.drawn.pictures import write_patches
from tests.whole.project import Project

PHOTOS = """\
defaults:
  - override /data: local
data: {{name: bridge, path: {path}, image_size: 96, minimum_images: 20}}
audit: {{overlaps: null}}
"""


@pytest.mark.slow
def test_changed_photos_are_fetched_again(tmp_path, warm_python):
    project = Project(tmp_path / "clone", warm_python)
    photos = tmp_path / "photos"
    write_patches(photos, images=20, seed=0, size=96)
    project.choose(PHOTOS.format(path=photos))
    assert project.repro("split") == {"compose", "fetch", "audit", "split"}

    one = next((photos / "Positive").iterdir())
    shutil.copy(one, photos / "Positive" / "new.jpg")
    assert project.repro("split") == set()
    with pytest.raises(
        AssertionError, match=r"images of \S+ have changed .* `dvc repro --force fe"
    ):
        project.run("dvc", "repro", "--force", "--single-item", "split")

    # Composing the settings looks at the photos, too.
    project.edit("conf/split/grouped.yaml", "seed: ${seed}", "seed: 9")
    assert project.repro("split") == {"compose", "fetch", "audit", "split"}
    receipt = json.loads((project.folder / "outputs/pipeline/receipt.json").read_text())
    assert receipt["counts"] == {"Negative": 10, "Positive": 11}
