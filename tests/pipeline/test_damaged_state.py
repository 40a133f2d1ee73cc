"""A damaged file of the workspace is made again or named, and never believed."""

import json
import os
import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.bank.feature_bank import list_banks, open_bank
from src.config.schema import Config
from src.data.dataset import Dataset
from src.data.splits.manifest import write_manifest
from src.data.vouching import SPLIT_NOTE, vouch_for
from src.errors import InputError
from src.pipeline.splitting import prepared_dataset

FILES = (
    "fetched.json",
    "receipt.json",
    "images.csv",
    "audit.json",
    "pairs.csv",
    "overlaps.csv",
    "groups.csv",
)


def flipped(seed: int) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        rng, damaged = np.random.default_rng(seed), bytearray(content)
        damaged[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        return bytes(damaged)

    return flip


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2 + 3],
    "list": lambda content: b"[]",
    "number": lambda content: b"1",
    "null": lambda content: b"null",
    "binary": lambda content: b"\xff\x00" * 50,
    **{f"flipped-{seed}": flipped(seed) for seed in range(8)},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory, patches, composed) -> tuple[Path, Config, Dataset]:
    """A folder with a workspace, its settings and its dataset. `other` has other images."""
    folder = tmp_path_factory.mktemp("made")
    for name, images in (("workspace", 40), ("other", 30)):
        origin = folder / f"origin-{name}"
        for label in ("Negative", "Positive"):
            (origin / label).mkdir(parents=True)
            for file in sorted((patches[0] / label).iterdir())[: images // 2]:
                shutil.copy2(file, origin / label)
        config = settings(composed, folder, name)
        dataset = prepared_dataset(config)
        write_manifest(dataset.manifest, folder / name / "split.csv")
        vouch_for(folder / name, ["split.csv"], SPLIT_NOTE)
    config = settings(composed, folder, "workspace")
    return folder, config, prepared_dataset(config)


def settings(composed: Callable[..., Config], folder: Path, name: str) -> Config:
    return composed(
        "data=local",
        f"data.path={folder}/origin-{name}",
        f"data.dir={folder}/images-{name}",
        "data.image_size=96",
        "data.minimum_images=10",
        f"workspace={folder}/{name}",
    )


def same(one: Dataset, other: Dataset) -> bool:
    """Whether two datasets agree in all that they know."""
    pd.testing.assert_frame_equal(one.listing, other.listing)
    pd.testing.assert_frame_equal(one.manifest, other.manifest)
    pd.testing.assert_frame_equal(one.relations.twins, other.relations.twins)
    pd.testing.assert_frame_equal(one.relations.overlaps, other.relations.overlaps)
    np.testing.assert_array_equal(one.relations.twin_groups, other.relations.twin_groups)
    np.testing.assert_array_equal(one.relations.related_groups, other.relations.related_groups)
    return one.receipt == other.receipt


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *product([*FILES, "split.csv"], [*DAMAGES, "swapped", "gone", "a-folder"]),
        # Without its note, a manifest is taken for one's own.
        *product(["split.json"], [*DAMAGES, "swapped"]),
    ],
)
def test_a_damaged_file_is_made_again_or_named(made, name, damage) -> None:
    folder, config, whole = made
    file = folder / "workspace" / name
    content = file.read_bytes()
    of_split = name in ("split.csv", "split.json")
    if of_split:
        manifest = str(folder / "workspace" / "split.csv")
        split = config.split.model_copy(update={"manifest": manifest})
        config = config.model_copy(update={"split": split})
    file.unlink()
    if damage == "swapped":
        shutil.copy(folder / "other" / name, file)
    elif damage == "a-folder":
        file.mkdir()
    elif damage != "gone":
        file.write_bytes(DAMAGES[damage](content))
    try:
        assert same(prepared_dataset(config), whole)
        assert file.read_bytes() == content or of_split
    except InputError as error:
        named = name in str(error)
    else:
        named = True
    finally:
        if file.is_dir():
            file.rmdir()
        file.write_bytes(content)
    assert named


def test_an_image_that_was_changed_since_is_noticed(made) -> None:
    _, config, whole = made
    image = whole.paths[0]
    content = image.read_bytes()
    image.write_bytes(content[:-1])
    with pytest.raises(InputError, match="would be replaced, but holds"):
        prepared_dataset(config)
    image.unlink()
    assert same(prepared_dataset(config), whole)
    assert image.read_bytes() == content


def test_no_stage_of_dvc_fetches_for_another(made, monkeypatch) -> None:
    folder, config, _ = made
    file = folder / "workspace" / "receipt.json"
    content = file.read_bytes()
    receipt = json.loads(content)
    receipt["counts"]["Negative"] = 99
    file.write_text(json.dumps(receipt))
    monkeypatch.setitem(os.environ, "DVC_STAGE", "train")
    with pytest.raises(InputError, match=r"receipt\.json is not as the fetch left it"):
        prepared_dataset(config)
    file.write_bytes(content)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_bank_says_the_same_again(tmp_path: Path, damage: str) -> None:
    depends_on = {"images": "a" * 64}
    bank = open_bank(tmp_path, depends_on, rows=3, shape=(2,))
    about = bank.folder / "bank.json"
    content = about.read_bytes()
    about.write_bytes(DAMAGES[damage](content))
    assert [folder for folder, *_ in list_banks(tmp_path)] == [bank.folder]
    open_bank(tmp_path, depends_on, rows=3, shape=(2,))
    assert about.read_bytes() == content
    assert [found for _, found, _ in list_banks(tmp_path)] == [depends_on]


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-1", "\x00"])
def test_a_damaged_error_of_the_engine_is_not_noted(tmp_path: Path, text: str) -> None:
    bank = open_bank(tmp_path, {}, rows=3, shape=(2,))
    bank.engine_error = 0.1
    assert bank.engine_error == 0.1
    (bank.folder / "engine_error").write_text(text)
    assert bank.engine_error is None
