"""A sample of images is drawn photograph by photograph, and images know where they come from."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.dataset import Origin
from src.data.sources.collection import collect_images
from src.data.sources.survey import sample_of_photos
from src.errors import InputError
from tests.data.sources.fetching import Files
from tests.data.sources.samples import NAMES, dataset, encode, picture, section


@given(st.lists(st.integers(0, 8), min_size=1, max_size=60), st.integers(1, 60), st.integers(0, 9))
def test_only_the_last_photograph_of_a_sample_is_cut(photos, count, seed):
    listing = pd.DataFrame({"path": range(len(photos)), "photo": [str(one) for one in photos]})
    sample = sample_of_photos(listing, count, seed)
    assert len(sample) == min(count, len(listing))
    assert sample.path.is_monotonic_increasing
    left = listing[~listing.path.isin(sample.path)]
    assert len(set(left.photo) & set(sample.photo)) <= 1
    pd.testing.assert_frame_equal(sample, sample_of_photos(listing, count, seed))


def test_all_photographs_are_drawn_equally_often():
    listing = pd.DataFrame({"photo": [str(n) for n in range(10)]})
    drawn = pd.concat(sample_of_photos(listing, 3, seed) for seed in range(500))
    assert np.ptp(drawn.photo.value_counts()) < 80


def test_images_have_the_origins_that_their_source_tells(tmp_path):
    origins = {NAMES[0]: Origin("7001", "decks"), NAMES[1]: Origin("7002")}
    data = section(tmp_path / "data", name="mine")
    listing = collect_images(Files(dataset(), origins=origins), data, reuse=False).listing
    assert listing.source.tolist() == ["decks", "mine", "mine", "mine"]
    assert listing.photo.tolist()[:3] == ["decks/7001", "mine/7002", f"mine/{NAMES[2]}"]


@pytest.mark.parametrize("reuse", [False, True])
def test_fewer_images_are_used_if_asked_for_and_all_are_kept(tmp_path, reuse):
    data = section(tmp_path / "data", images=3, minimum_images=4)
    fetched = collect_images(Files(dataset()), data, reuse=reuse)
    assert len(fetched.listing) == sum(fetched.receipt.counts.values()) == 3
    # Another run shares the folder and takes all images.
    everything = collect_images(
        Files({}), section(tmp_path / "data", images=None, minimum_images=4), reuse=True
    )
    assert len(everything.listing) == len(dataset())


def test_a_sample_without_a_class_is_told(tmp_path):
    data = section(tmp_path / "data", images=1, minimum_images=4)
    with pytest.raises(InputError, match=r"data\.images=1 draws no image of .*: set it"):
        collect_images(Files(dataset()), data, reuse=False)


def test_converted_images_are_listed_as_they_are_kept(tmp_path):
    files = dataset() | {
        "Positive/a.png": encode(picture(5), "PNG"),
        "Positive/a.tif": encode(picture(6), "TIFF"),
    }
    data = section(tmp_path / "data", convert=True)
    found = collect_images(Files(files), data, reuse=False)
    assert found.receipt.resized == 2
    assert {"Positive/a.png.jpg", "Positive/a.tif.jpg"} < set(found.listing.path)
    on_disk = {path.relative_to(tmp_path / "data") for path in (tmp_path / "data").rglob("*.*")}
    assert {path.as_posix() for path in on_disk} == set(found.listing.path)


def test_an_image_is_not_converted_over_another(tmp_path):
    files = dataset() | {
        "Negative/a.png": encode(picture(), "PNG"),
        "Negative/a.png.jpg": encode(picture(seed=5)),
    }
    fetched = collect_images(Files(files), section(tmp_path / "data", convert=True), reuse=False)
    assert not fetched.listing.path.duplicated().any()
    assert len(fetched.listing) == len(dataset()) + 1
    (left_out,) = fetched.receipt.rejected
    assert left_out.path == "Negative/a.png"
    assert "another image a.png.jpg" in left_out.reason
    assert (tmp_path / "data/Negative/a.png.jpg").read_bytes() == files["Negative/a.png.jpg"]


def test_a_name_with_a_line_break_is_left_out(tmp_path):
    name = NAMES[0].replace(".jpg", "\r.jpg")
    files = dataset() | {name: dataset()[NAMES[0]]}
    fetched = collect_images(Files(files), section(tmp_path / "data"), reuse=False)
    (left_out,) = fetched.receipt.rejected
    assert (left_out.path, left_out.reason) == (name, "its name has a line break")
