"""Several sources become one dataset, and each is fetched again only when it has changed."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from src.data.dataset import Dataset, read_dataset
from src.data.sources.combined import CombinedSource
from src.errors import InputError
from src.pipeline.fetching import fetched_dataset

SETS = ("one", "two")


@pytest.fixture
def own(tmp_path, patches) -> Path:
    """Patches of two sets in a table, and the same in class folders of other names."""
    root, listing = patches
    rows = []
    for label in (0, 1):
        for number, path in enumerate(listing.path[listing.label == label].head(6)):
            name = path.replace("/", "-")
            for folder in ("photos", f"local/{'cracked' if label else 'whole'}"):
                (tmp_path / folder).mkdir(parents=True, exist_ok=True)
                shutil.copy(root / path, tmp_path / folder / name)
            rows.append((name, label, "", SETS[number % 2], f"photo{number // 2}"))
    table = pd.DataFrame(rows, columns=["file", "cracked", "mask", "set", "photo"])
    table.to_csv(tmp_path / "photos" / "labels.csv", index=False)
    return tmp_path


@pytest.fixture
def several(composed, own):
    """Function that composes a dataset of three sources with overrides."""

    def compose(*overrides: str):
        return composed(
            *("data=several", f"data.dir={own / 'all'}", f"workspace={own / 'work'}"),
            "data.image_size=64",
            "+data@data.sources.drawn=synthetic",
            *(f"data.sources.drawn.{it}" for it in ("images=10", "image_size=96")),
            f"data.sources.drawn.dir={own / 'images' / 'drawn'}",
            "+data@data.sources.mine=photos",
            f"data.sources.mine.path={own / 'photos'}",
            f"data.sources.mine.dir={own / 'images' / 'mine'}",
            "+data@data.sources.folder=local",
            f"data.sources.folder.path={own / 'local'}",
            f"data.sources.folder.dir={own / 'images' / 'folder'}",
            "data.sources.folder.classes=[whole,cracked]",
            *(f"data.sources.folder.{it}" for it in ("image_size=96", "minimum_images=10")),
            *overrides,
        )

    return compose


def fetched(config) -> Dataset:
    return fetched_dataset(config.data, Path(config.workspace))


def test_all_images_have_one_size_and_know_their_source_and_photograph(several):
    dataset = fetched(several())
    listing = dataset.listing
    count = listing.groupby(["source", "label"]).size().unstack()
    assert count.to_dict("index") == {
        "drawn": {0: 5, 1: 5},
        "folder": {0: 6, 1: 6},
        "one": {0: 3, 1: 3},
        "two": {0: 3, 1: 3},
    }
    assert {Image.open(path).size for path in dataset.paths} == {(64, 64)}
    assert set(listing.photo[listing.source == "one"]) == {f"one/photo{n}" for n in range(3)}
    assert listing.photo[listing.source != "one"].str.split("/").str[0].tolist() == (
        listing.source[listing.source != "one"].tolist()
    )
    assert listing.path[listing.label == 0].str.startswith("Negative/").all()


@pytest.mark.slow
def test_only_what_has_changed_is_fetched_again(several, own):
    first = fetched(several())
    drawn = own / "images" / "drawn"
    before = {path: path.stat().st_mtime_ns for path in drawn.rglob("*.jpg")}
    combined = own / "all" / "Negative"
    made = combined.stat().st_mtime_ns
    pd.testing.assert_frame_equal(fetched(several()).listing, first.listing)
    assert combined.stat().st_mtime_ns == made

    name = next((own / "local" / "whole").iterdir()).name
    (own / "local" / "whole" / name).unlink()
    listing = fetched(several()).listing
    assert set(first.listing.path) - set(listing.path) == {f"Negative/folder.{name}"}
    assert {path: path.stat().st_mtime_ns for path in drawn.rglob("*.jpg")} == before


@pytest.mark.slow
def test_a_stage_of_dvc_does_not_fetch_for_another(several, own, monkeypatch):
    fetched(several())
    monkeypatch.setenv("DVC_STAGE", "train")
    fetched(several())
    (own / "photos" / "note.txt").touch()
    with pytest.raises(InputError, match="the images of mine have changed since the fetch stage"):
        fetched(several())


@pytest.mark.slow
def test_a_source_of_one_class_and_few_images_is_welcome(several, own):
    for path in (own / "local" / "cracked").iterdir():
        path.rename(own / "local" / "whole" / path.name)
    listing = fetched(several("data.sources.mine.images=3")).listing
    assert set(listing.label[listing.source == "folder"]) == {0}
    assert len(listing) == 10 + 3 + 12


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("minimum_images=50", r"\(data\.sources\.folder\.minimum_images\)"),
        ("classes=[ok,not]", r"'data\.sources\.folder\.classes=\[OK,CRACKED\]'"),
    ],
)
def test_an_error_names_the_setting_of_the_source(several, setting, told):
    with pytest.raises(InputError, match=told):
        fetched(several(f"data.sources.folder.{setting}"))


def test_two_sources_of_one_name_are_refused(several, own):
    labels = own / "photos" / "labels.csv"
    labels.write_text(labels.read_text().replace(",one,", ",drawn,"))
    with pytest.raises(
        InputError, match=r"data\.sources\.drawn and data\.sources\.mine both have a source named"
    ):
        fetched(several())


def test_an_image_that_another_command_has_replaced_is_refused(several, own):
    part = fetched(several()).folder.parent / "images" / "mine"
    listing = pd.read_csv(own / "work" / "sources" / "mine" / "images.csv")
    dataset = read_dataset(part, ["Negative", "Positive"], 64, own / "work" / "sources" / "mine")
    Image.new("RGB", (64, 64)).save(part / listing.path[0])
    (own / "staging").mkdir()
    with pytest.raises(InputError, match="another command has fetched other images"):
        CombinedSource({"mine": dataset}).collect(own / "staging", ["Negative", "Positive"])


def test_one_folder_written_in_two_ways_is_refused(several, own):
    with pytest.raises(InputError, match="is the dir of several sources"):
        several(f"data.sources.mine.dir={own}/images/../images/drawn/")
