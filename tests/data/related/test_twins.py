"""Twins: planted ones are found and nothing else is, whatever their turn; flat images are not."""

import hashlib
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import src.data.related.similar
import src.data.related.twins
from src.data.drawn.pictures import draw_patch
from src.data.related.twins import (
    TURNS,
    byte_duplicates,
    correlate,
    find_twins,
    normalised,
    thumbnails,
)
from src.errors import InputError
from tests.data.sources.samples import CLASSES, encode, lay_out

TRANSPOSES = {
    "unflipped": None,
    "mirrored": Image.Transpose.FLIP_LEFT_RIGHT,
    "upside down": Image.Transpose.FLIP_TOP_BOTTOM,
    "turned 180°": Image.Transpose.ROTATE_180,
    "turned 90° left": Image.Transpose.ROTATE_90,
    "turned 90° right": Image.Transpose.ROTATE_270,
    "transposed": Image.Transpose.TRANSPOSE,
    "anti-transposed": Image.Transpose.TRANSVERSE,
}
BACK = {"turned 90° left": "turned 90° right", "turned 90° right": "turned 90° left"}
CHANGES = ("recompressed", "brightened", "cropped")
PATCHES = 40


@cache
def patch(number: int) -> Image.Image:
    rng = np.random.default_rng([11, number])
    return Image.fromarray(draw_patch(rng, cracked=bool(number % 2), size=227))


def turn(image: Image.Image, kind: str) -> Image.Image:
    transpose = TRANSPOSES[kind]
    return image if transpose is None else image.transpose(transpose)


def twin(number: int, kind: str, change: str) -> bytes:
    image = patch(number)
    if change == "brightened":
        image = image.point(lambda value: min(255, round(1.03 * value + 2)))
    elif change == "cropped":
        image = image.crop((1, 1, 226, 226)).resize(image.size, Image.Resampling.BICUBIC)
    return encode(turn(image, kind), quality=80)


def list_images(files: dict[str, bytes]) -> pd.DataFrame:
    rows = [
        (path, CLASSES.index(path.split("/")[0]), hashlib.sha256(files[path]).hexdigest())
        for path in sorted(files)
    ]
    return pd.DataFrame(rows, columns=["path", "label", "sha256"])


plants = st.dictionaries(
    st.integers(0, PATCHES - 1),
    st.none() | st.tuples(st.sampled_from(list(TURNS)), st.sampled_from(CHANGES), st.booleans()),
    min_size=2,
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(plants=plants)
def test_exactly_the_planted_twins_are_found(
    plants: dict[int, tuple[str, str, bool] | None],
) -> None:
    files, planted = {}, set()
    for number, plant in plants.items():
        folder = CLASSES[number % 2]
        original = f"{folder}/{number:02}-m.jpg"
        files[original] = encode(patch(number), quality=95)
        if plant:
            kind, change, before = plant
            name = f"{folder}/{number:02}-{'a' if before else 'z'}.jpg"
            files[name] = twin(number, kind, change)
            pair = (name, original, kind) if before else (original, name, BACK.get(kind, kind))
            planted.add(pair)
    listing = list_images(files)
    with tempfile.TemporaryDirectory() as folder:
        images = lay_out(Path(folder), files)
        pairs = find_twins(listing, images, size=24, threshold=0.98, min_contrast=1).pairs
    paths = listing.path.to_numpy()
    assert set(zip(paths[pairs.left], paths[pairs.right], pairs.kind, strict=True)) == planted
    assert len(pairs) == len(planted)
    assert pairs.correlation.between(0.98, 1).all()


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 12),
    size=st.integers(2, 4),
    block=st.integers(2, 13),
    seed=st.integers(0),
    threshold=st.sampled_from([0.5, 0.7]),
)
def test_every_pair_is_found_under_every_turn(
    count: int, size: int, block: int, seed: int, threshold: float
) -> None:
    rng = np.random.default_rng(seed)
    vectors = normalised(rng.standard_normal((count, size, size)).astype(np.float32), 0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(src.data.related.twins, "BLOCK", block)
        patched.setattr(src.data.related.similar, "BLOCK", block)
        pairs, best = correlate(vectors, threshold=threshold)
    expected, highest = {}, np.full((len(TURNS), count), -1, np.float32)
    turned = [[np.asarray(turn(Image.fromarray(v), kind)) for v in vectors] for kind in TURNS]
    for row, kind in enumerate(TURNS):
        for left in range(count):
            for right in range(left + 1, count):
                value = (vectors[left] * turned[row][right]).sum()
                highest[row, right] = max(highest[row, right], value)
                highest[row, left] = max(
                    highest[row, left], (vectors[right] * turned[row][left]).sum()
                )
                if value > threshold:
                    expected[left, right, kind] = min(value, 1)
    found = {(pair.left, pair.right, pair.kind): pair.correlation for pair in pairs.itertuples()}
    assert found == pytest.approx(expected, abs=1e-5)
    assert len(found) == len(pairs)
    np.testing.assert_allclose(best, highest, atol=1e-5)


def test_of_many_images_a_sample_is_compared_with_all_others() -> None:
    rng = np.random.default_rng(0)
    vectors = normalised(rng.standard_normal((50, 8, 8)).astype(np.float32), 0)
    _, best_of_all = correlate(vectors, threshold=0.98)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(src.data.related.twins, "SAMPLE", 10)
        _, best = correlate(vectors, threshold=0.98)
    np.testing.assert_allclose(best, best_of_all[:, ::5], atol=1e-6)


def test_copies_are_paired_with_their_first_image_and_compared_no_further(tmp_path: Path) -> None:
    one, other, turned = encode(patch(1)), encode(patch(3)), encode(turn(patch(1), "mirrored"))
    pictures = [one, one, other, turned, one]
    files = {f"Positive/{i}.jpg": picture for i, picture in enumerate(pictures)}
    twins = find_twins(
        list_images(files), lay_out(tmp_path, files), size=24, threshold=0.98, min_contrast=1
    )
    rows = twins.pairs[["left", "right", "kind"]].to_numpy().tolist()
    assert rows == [[0, 1, "identical"], [0, 4, "identical"], [0, 3, "mirrored"]]
    assert twins.best.shape == (8, 3)
    assert twins.pairs.left.dtype == twins.pairs.right.dtype == np.int64


def test_where_there_are_no_twins_the_table_keeps_its_types(tmp_path: Path) -> None:
    files = {f"Positive/{i}.jpg": encode(patch(i)) for i in (1, 3)}
    listing, images = list_images(files), lay_out(tmp_path, files)
    pairs = find_twins(listing, images, size=24, threshold=0.98, min_contrast=1).pairs
    assert pairs.empty
    assert pairs.left.dtype == pairs.right.dtype == np.int64


@pytest.mark.parametrize("min_contrast", [0, 1])
def test_images_without_contrast_are_nobodys_twins(tmp_path: Path, min_contrast: float) -> None:
    files = {
        f"Negative/{grey}.png": encode(Image.new("RGB", (64, 64), (grey, grey, grey)), "PNG")
        for grey in (60, 90, 120)
    }
    listing, images = list_images(files), lay_out(tmp_path, files)
    twins = find_twins(listing, images, size=24, threshold=0.5, min_contrast=min_contrast)
    assert twins.pairs.empty
    assert twins.flat == 3


def test_the_least_contrast_is_in_grey_levels() -> None:
    chequer = np.indices((24, 24)).sum(axis=0) % 2
    faint, clear = (100 + 2 * level * chequer.astype(np.float32) for level in (0.9, 1.1))
    vectors = normalised(np.stack([faint, clear]), 1)
    assert not vectors[0].any()
    assert np.linalg.norm(vectors[1]) == pytest.approx(1)
    assert vectors[1].mean() == pytest.approx(0, abs=1e-6)
    assert vectors.dtype == np.float32


def test_thumbnails_are_means_of_grey_not_rounded(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(100, 104, (48, 48), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    small = thumbnails([tmp_path / "image.png"], 12)
    assert small.dtype == np.float32
    np.testing.assert_allclose(small[0], pixels.reshape(12, 4, 12, 4).mean(axis=(1, 3)), atol=1e-4)


def test_an_image_that_cant_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"broken\.jpg can't be read"):
        thumbnails([tmp_path / "broken.jpg"], 24)


def test_more_pairs_than_can_be_held_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(src.data.related.twins, "MOST_PAIRS", 9)
    alike = np.full((4, 2, 2), 0.5, np.float32)
    with pytest.raises(InputError, match="more than 9 pairs"):
        correlate(alike, threshold=0.98)


def test_byte_duplicates_need_no_images() -> None:
    pairs = byte_duplicates(pd.DataFrame({"sha256": list("abacba")}))
    assert pairs[["left", "right"]].to_numpy().tolist() == [[0, 2], [1, 4], [0, 5]]
    assert set(pairs.kind) == {"identical"}
    assert set(pairs.correlation) == {1}
