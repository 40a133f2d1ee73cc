"""Overlaps: crops of one drawn photo are found, however shifted and turned, and nothing else is."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import src.data.related.landmarks
from src.config.schema import Config, OverlapSearch
from src.data.related.overlaps import BACK, find_overlaps, no_overlaps, overlap_correlation
from src.data.related.twins import TURNS
from src.errors import InputError
from tests.data.related.drawn_photos import drawn_photo
from tests.data.sources.samples import encode, lay_out
from tests.sections import changed

SIZE = 227
PHOTOS = 4
LEAST_SHARE = 0.4  # of an image, that both show, from which every overlap is found
UNTURNED = {"turned 90° left": "turned 90° right", "turned 90° right": "turned 90° left"}


def crop(number: int, top: int, left: int, kind: str = "unflipped", size: int = SIZE) -> np.ndarray:
    return TURNS[kind](drawn_photo(number)[None, top : top + size, left : left + size])[0]


def jpeg(image: np.ndarray, quality: int = 95) -> bytes:
    return encode(Image.fromarray(np.ascontiguousarray(image)), quality=quality)


def listed(files: dict[str, bytes]) -> pd.DataFrame:
    rows = [(path, 1, hashlib.sha256(files[path]).hexdigest()) for path in sorted(files)]
    return pd.DataFrame(rows, columns=["path", "label", "sha256"])


@pytest.fixture(scope="module")
def search(composed: Callable[..., Config]) -> OverlapSearch:
    """The settings of the overlap search in conf/."""
    return composed().audit.overlaps


def overlaps_of(files: dict[str, bytes], search: OverlapSearch, size: int = SIZE) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        images = lay_out(Path(folder), files)
        return find_overlaps(listed(files), images, search, size=size).pairs


@st.composite
def shifts(draw: st.DrawFn) -> tuple[int, int]:
    """(down, across) that leave at least LEAST_SHARE of an image in both."""
    longest = int(SIZE * (1 - LEAST_SHARE))
    down = draw(st.integers(-longest, longest))
    longest = int(SIZE * (1 - LEAST_SHARE / (1 - abs(down) / SIZE)))
    return down, draw(st.integers(-longest, longest))


plants = st.dictionaries(
    st.integers(0, PHOTOS - 1),
    st.tuples(
        shifts(), st.sampled_from(list(TURNS)), st.integers(80, 95), st.integers(0, 500 - SIZE)
    ),
    min_size=1,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(plants=plants)
def test_exactly_the_planted_overlaps_are_found(search, plants) -> None:
    files, planted = {}, {}
    for number, ((down, across), kind, quality, far) in plants.items():
        top, left = 136 + min(0, -down), 136
        files[f"Positive/{number}-a.jpg"] = jpeg(crop(number, top, left))
        moved = crop(number, top + down, left + across, kind)
        files[f"Positive/{number}-b.jpg"] = jpeg(moved, quality)
        # Of the same photo, but right of all that the other two can show.
        files[f"Positive/{number}-c.jpg"] = jpeg(crop(number, far, 760 - SIZE))
        planted[f"{number}-a", f"{number}-b", UNTURNED.get(kind, kind)] = (down, across)
    pairs = overlaps_of(files, search)
    name = [Path(path).stem for path in sorted(files)]
    found = {(name[p.left], name[p.right], p.kind): (p.down, p.across) for p in pairs.itertuples()}
    assert found.keys() == planted.keys()
    for pair, shift in planted.items():
        np.testing.assert_allclose(found[pair], shift, atol=1)


@pytest.mark.parametrize("kind", TURNS)
def test_the_way_back_undoes_the_turn(kind: str) -> None:
    places = np.indices((5, 5)) - 2
    turned = TURNS[kind](places)
    for y, x in np.ndindex(5, 5):
        assert (BACK[kind] @ (y - 2, x - 2) == turned[:, y, x]).all()


@pytest.mark.parametrize("kind", TURNS)
def test_the_correlation_is_of_what_both_show(kind: str) -> None:
    scene = np.random.default_rng(0).uniform(0, 255, (40, 40)).astype(np.float32)
    left, right = scene[:20, :20], scene[4:24, 13:33]
    turned = TURNS[UNTURNED.get(kind, kind)](right[None])[0]
    assert overlap_correlation(left, turned, BACK[kind], 4, 13) == pytest.approx(1, abs=1e-5)
    assert abs(overlap_correlation(left, turned, BACK[kind], 3, 13)) < 0.5
    back = -BACK[kind] @ (4, 13)
    inverse = np.linalg.inv(BACK[kind])
    assert overlap_correlation(turned, left, inverse, *back) == pytest.approx(1, abs=1e-5)
    assert overlap_correlation(left, turned, BACK[kind], 20, 0) == 0
    assert overlap_correlation(left, np.ones_like(left), BACK[kind], 4, 4) == 0


def test_share_and_types(search) -> None:
    files = {
        "Positive/a.jpg": jpeg(crop(1, 100, 100)),
        "Positive/b.jpg": jpeg(crop(1, 160, 70)),
        "Positive/c.jpg": jpeg(crop(1, 160, 70)),
    }
    pairs = overlaps_of(files, search)
    # c is b's copy: the audit's twins have that pair, and only the first is compared.
    assert pairs[["left", "right"]].to_numpy().tolist() == [[0, 1]]
    assert pairs.share[0] == pytest.approx((1 - 60 / SIZE) * (1 - 30 / SIZE))
    assert 0.9 < pairs.correlation[0] <= 1
    nothing = no_overlaps()
    assert (pairs.dtypes == nothing.dtypes).all()
    del files["Positive/b.jpg"], files["Positive/c.jpg"]
    pd.testing.assert_frame_equal(overlaps_of(files, search), nothing)


def test_the_threshold_decides_and_the_best_is_kept_all_the_same(search, tmp_path) -> None:
    files = {
        "Positive/a.jpg": jpeg(crop(1, 100, 100)),
        "Positive/b.jpg": jpeg(crop(1, 160, 70, "mirrored")),
        "Positive/c.jpg": jpeg(crop(3, 100, 100)),
    }
    strict = changed(search, threshold=0.9999)
    overlaps = find_overlaps(listed(files), lay_out(tmp_path, files), strict, size=SIZE)
    assert overlaps.pairs.empty
    mirrored = overlaps.best[list(TURNS).index("mirrored")]
    assert (mirrored[:2] > search.threshold).all()
    assert mirrored[2] == 0


def test_an_image_like_its_own_mirror_image_does_not_overlap_itself(search) -> None:
    half = crop(1, 0, 0)[:, : SIZE // 2]
    image = np.concatenate([half, half[:, SIZE // 2 - 1 :], half[:, ::-1]], axis=1)
    assert overlaps_of({"Positive/a.jpg": jpeg(image)}, search).empty


def test_flat_images_have_no_landmarks_and_overlap_nothing(search) -> None:
    files = {
        f"Negative/{grey}.jpg": jpeg(np.full((64, 64, 3), grey, np.uint8)) for grey in (90, 91)
    }
    assert overlaps_of(files, search, size=64).empty


def test_more_matches_than_can_be_held_are_refused(search, monkeypatch) -> None:
    monkeypatch.setattr(src.data.related.landmarks, "MOST_PAIRS", 5)
    files = {f"Positive/{i}.jpg": jpeg(crop(1, 10 * i, 100)) for i in range(3)}
    with pytest.raises(InputError, match=r"more than 5 pairs of landmarks agree.*overlaps=null"):
        overlaps_of(files, search)


def test_an_image_that_cant_be_read_is_named(search) -> None:
    with pytest.raises(InputError, match=r"broken\.jpg can't be read"):
        overlaps_of({"Positive/broken.jpg": b"no image"}, search)
