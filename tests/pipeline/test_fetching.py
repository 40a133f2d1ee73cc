"""What entry points share: made once, and refused where it does not fit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from src.pipeline.images import (
    audited_images,
    fetched_images,
    make_split,
    measure_leaks,
    split_manifest,
)

from src.config.loader import CONF
from src.data.dataset import Receipt
from src.data.drawn.pictures import draw_photo, write_patches
from src.errors import InputError


def test_two_processes_fetch_once(tmp_path):
    command = [sys.executable, "-m", "src.split", "~local", "data.images=40", "data.image_size=96"]
    both = [
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(CONF.parent)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    errors = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert sum("drawing patches" in error for error in errors) == 1


def photos(folder: Path, images: int = 10) -> Path:
    """A folder of one's own patches."""
    write_patches(folder, images=images, seed=5, size=96)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*.jpg")}


def test_ones_own_photos_are_never_the_folder_that_a_fetch_fills(tmp_path, composed):
    own = photos(tmp_path / "photos")
    before = contents(own)
    given = (f"data.dir={own}", f"workspace={tmp_path}", "data.minimum_images=10")
    with pytest.raises(InputError, match=r"photos would be replaced, but holds .* and 9 more"):
        fetched_images(composed("data.image_size=96", *given))
    for path in (own, own / "Positive", tmp_path):
        with pytest.raises(InputError, match="lie one in the other"):
            fetched_images(composed("data=local", f"data.path={path}", *given))
    assert contents(own) == before


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_what_has_changed_at_its_source_is_fetched_again(tmp_path, composed, kind):
    own, packed = photos(tmp_path / "photos"), tmp_path / "photos.tar"
    config = composed(
        "data=local",
        f"data.path={own if kind == 'folder' else packed}",
        f"data.dir={tmp_path / 'fetched' / 'images'}",
        f"workspace={tmp_path / 'fetched'}",
        "data.image_size=96",
        "data.minimum_images=10",
    )

    def fetched() -> dict[str, str]:
        if kind == "archive" and own.exists():
            shutil.make_archive(str(tmp_path / "photos"), "tar", own)
        listing, _ = fetched_images(config)
        return dict(zip(listing.path, listing.sha256, strict=True))

    first = fetched()
    positive = sorted((own / "Positive").iterdir())
    positive[0].rename(own / "Negative" / "relabelled.jpg")
    second = fetched()
    assert second.keys() ^ first.keys() == {
        f"Positive/{positive[0].name}",
        "Negative/relabelled.jpg",
    }
    shutil.copy(positive[1], own / "Positive" / "new.jpg")
    third = fetched()
    assert third == second | {"Positive/new.jpg": second[f"Positive/{positive[1].name}"]}
    shutil.copy(positive[2], own / "Positive" / "new.jpg")
    fourth = fetched()
    assert fourth == third | {"Positive/new.jpg": third[f"Positive/{positive[2].name}"]}

    shutil.rmtree(own)
    packed.unlink(missing_ok=True)
    assert fetched() == fourth


def test_what_has_not_changed_at_its_source_is_not_fetched_again(tmp_path, composed):
    own, images = photos(tmp_path / "photos"), tmp_path / "images"
    given = (f"data.path={own}", f"data.dir={images}", f"workspace={tmp_path}")
    config = composed("data=local", "data.image_size=96", "data.minimum_images=10", *given)
    fetched_images(config)
    # Which a fetch would refuse to replace.
    (images / "Positive" / "note.txt").touch()
    fetched_images(config)


def test_manifest_of_other_images_is_refused(tmp_path, composed):
    path = tmp_path / "split.csv"
    path.write_text("path,label,part\na.jpg,0,train\nb.jpg,1,validation\nc.jpg,1,test\n")
    listing = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "label": [0, 1]})
    with pytest.raises(InputError, match=r"split\.csv: c\.jpg is not among the images"):
        split_manifest(composed(f"split.manifest={path}"), listing, None)


def test_manifest_with_another_label_than_the_image_is_refused(tmp_path, composed):
    path = tmp_path / "split.csv"
    path.write_text("path,label,part\na.jpg,0,train\nb.jpg,1,validation\nc.jpg,1,test\n")
    listing = pd.DataFrame({"path": ["c.jpg", "b.jpg", "a.jpg"], "label": [0, 1, 0]})
    with pytest.raises(InputError, match=r"split\.csv: c\.jpg has the label 1, and among .* 0: sp"):
        split_manifest(composed(f"split.manifest={path}"), listing, None)


@pytest.fixture(scope="module")
def crops(tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """A folder of crops, each three of one photo, and its listing."""
    folder = tmp_path_factory.mktemp("crops")
    rows = []
    for number in range(20):
        rng = np.random.default_rng([3, number])
        photo, _ = draw_photo(rng, width=192, height=128, cracks=number % 2)
        for place in range(3):
            label, path = number % 2, f"{number:02}-{place}.jpg"
            crop = photo[:, 32 * place : 32 * place + 128]
            Image.fromarray(crop).save(folder / path, quality=95)
            rows.append((path, label, f"{path:064}"))
    return folder, pd.DataFrame(rows, columns=["path", "label", "sha256"])


def test_split_overlap_keeps_crops_of_one_photo_together(tmp_path, composed, crops):
    folder, listing = crops
    given = (f"data.dir={folder}", f"workspace={tmp_path}", "data.image_size=128")
    receipt = Receipt("crops", {}, (), 0, "0")
    config = composed("split=overlap", *given)
    audit = audited_images(config, listing, receipt)
    assert audit.groups.tolist() == np.repeat(np.arange(0, 60, 3), 3).tolist()
    manifest = make_split(config, listing, audit.groups)
    assert (manifest.groupby("group").part.nunique() == 1).all()
    assert set(manifest.part) == {"train", "validation", "test"}
    leaks = measure_leaks(config, manifest, listing, audit)
    assert leaks["all"] == leaks["overlap.all"] == 0

    of_twins = audited_images(composed("split=grouped", *given), listing, receipt)
    assert of_twins.groups.tolist() == list(range(60))
    assert of_twins.overlaps.equals(audit.overlaps)
    torn = make_split(composed("split=grouped", *given), listing, of_twins.groups)
    leaks = measure_leaks(config, torn, listing, of_twins)
    assert leaks["all"] == 0
    assert leaks["overlap.all"] > 0.5


def test_overlaps_can_be_left_out_and_are_looked_for_again_when_wanted(tmp_path, composed, crops):
    folder, listing = crops
    given = (f"data.dir={folder}", f"workspace={tmp_path}", "data.image_size=128")
    receipt = Receipt("crops", {}, (), 0, "0")
    audit = audited_images(composed("audit.overlaps=null", *given), listing, receipt)
    assert audit.overlaps is None
    manifest = make_split(composed(*given), listing, audit.groups)
    assert "overlap.all" not in measure_leaks(composed(*given), manifest, listing, audit)
    groups = pd.read_csv(tmp_path / "groups.csv")
    assert (groups.overlap_group == groups.group).all()
    again = audited_images(composed(*given), listing, receipt)
    assert len(again.overlaps) > 20
