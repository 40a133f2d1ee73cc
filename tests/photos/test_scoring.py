"""Scores of a photo's tiles, against the classifier on the tiles themselves."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.special import expit, logit

from src.config.photo_schema import PhotoBlocks
from src.model.class_map import CELL, SHALLOW_CELL, Grid, class_map_model, class_maps
from src.model.classifier import build_classifier
from src.model.decision import undecided
from src.photos.blocks import block_size, blocks
from src.photos.reading import crop
from src.photos.scoring import Scorer, build_scorer
from tests.samples import small_backbone, small_classifier

PATCH, CELLS = 96, 3
BLOCKS = PhotoBlocks(
    shallow_megapixels=10,
    deep_megapixels=10,
    halo=8,
    anchors=0,
)


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    """The published architecture, whose layers the scorer takes apart."""
    return small_classifier()


@pytest.fixture(scope="module")
def scorer(classifier):
    """Scorers with other settings than BLOCKS, all on the same compiled network."""
    decision = undecided("a" * 64, "openvino", "f32")
    built = build_scorer(classifier, decision, BLOCKS)

    def changed(*, temperature: float = 1.0, flips: bool = False, **blocks: float) -> Scorer:
        # A copy is not checked: pieces may be smaller than the settings allow.
        settings = BLOCKS.model_copy(update=blocks)
        judging = decision.model_copy(update={"temperature": temperature, "flips": flips})
        return replace(built, decision=judging, blocks=settings)

    return changed


def logits_alone(classifier, tiles: np.ndarray) -> np.ndarray:
    probabilities = classifier.predict(tiles, verbose=0).astype(np.float64)
    return np.log(probabilities[:, 1]) - np.log(probabilities[:, 0])


def every_tile(photo: Image.Image, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = shape
    return np.stack(
        [
            crop(photo, CELL * column, CELL * row, PATCH, PATCH)
            for row in range(rows)
            for column in range(columns)
        ]
    )


@given(st.integers(1, 300), st.integers(0, 8), st.integers(1, 60))
def test_blocks_keep_every_cell_once_away_from_their_borders(cells, halo, more):
    size = min(cells, 2 * halo + more)
    kept = []
    for block in blocks(cells, size, halo):
        kept += range(block.first, block.last)
        assert 0 <= block.start <= block.start + size <= cells
        assert block.start == 0 or block.first - block.start >= halo
        assert block.start + size == cells or block.start + size - block.last >= halo
    assert kept == list(range(cells))


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 8))
def test_blocks_are_as_small_as_asked(rows, columns, halo):
    height, width = block_size(rows, columns, 2500, halo)
    assert height * width <= 2500
    assert height <= rows
    assert width <= columns


@pytest.mark.slow
def test_a_photo_of_a_patch_scores_as_the_classifier_says(scorer, classifier, photo):
    patch = photo.crop((50, 60, 50 + PATCH, 60 + PATCH))
    scores = scorer().score(patch, 1.0)
    expected = classifier.predict(np.asarray(patch)[None], verbose=0)[0, 1]
    assert scores.probability.shape == (1, 1)
    assert scores.evidence.shape == (CELLS, CELLS)
    assert scores.probability[0, 0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_in_blocks_as_in_one_piece(scorer, photo):
    tall = Image.fromarray(np.vstack([np.asarray(photo)] * 3))
    whole = scorer().score(tall, 1.0)
    pieces = scorer(deep_megapixels=0.3).score(tall, 1.0)
    np.testing.assert_allclose(pieces.evidence, whole.evidence, atol=1e-3)
    no_halo = scorer(deep_megapixels=0.3, halo=0).score(tall, 1.0)
    assert np.abs(no_halo.evidence - whole.evidence).max() > 1e-2


@pytest.mark.parametrize("flips", [False, True])
def test_shallow_pieces_change_nothing(scorer, photo, flips):
    whole = scorer(flips=flips).score(photo, 1.0)
    pieces = scorer(flips=flips, shallow_megapixels=0.02).score(photo, 1.0)
    np.testing.assert_allclose(pieces.evidence, whole.evidence, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(3000, 40), (40, 3000), (3000, 97)])
def test_pieces_of_a_narrow_photo_hold_its_reflection(scorer, photo, size):
    narrow = photo.resize(size)
    whole = scorer().score(narrow, 1.0)
    pieces = scorer(shallow_megapixels=0.1).score(narrow, 1.0)
    np.testing.assert_allclose(pieces.evidence, whole.evidence, atol=1e-3)


@pytest.mark.slow
def test_a_photo_has_the_map_of_the_whole_network(scorer, classifier, photo):
    model = class_map_model(classifier)
    side = PATCH + 4 * CELL
    pixels = np.asarray(photo)[:side, :side]
    plain, mirrored = (class_maps(model, image[None])[0] for image in (pixels, pixels[::-1, ::-1]))
    found = scorer(shallow_megapixels=0.02).score(Image.fromarray(pixels), 1.0)
    np.testing.assert_allclose(found.evidence, plain, atol=1e-3)
    turned = scorer(shallow_megapixels=0.02).score(Image.fromarray(pixels[::-1, ::-1]), 1.0)
    np.testing.assert_allclose(turned.evidence, mirrored, atol=1e-3)


def test_a_tile_has_the_mean_of_its_cells(scorer, photo):
    scores = scorer().score(photo, 1.0)
    rows, columns = scores.probability.shape
    assert (rows, columns) == (-(-(300 - PATCH) // CELL) + 1, -(-(400 - PATCH) // CELL) + 1)
    expected = [
        [scores.evidence[r : r + CELLS, c : c + CELLS].mean() for c in range(columns)]
        for r in range(rows)
    ]
    np.testing.assert_allclose(scores.probability, expit(expected), atol=1e-5)


@pytest.mark.slow
def test_anchors_set_the_level_to_that_of_real_tiles(scorer, classifier, photo):
    # As many as there are tiles, so that the mean is that of all.
    anchored = scorer(anchors=10_000).score(photo, 1.0)
    alone = logits_alone(classifier, every_tile(photo, anchored.probability.shape))
    level = logit(anchored.probability.astype(np.float64)).mean()
    assert level == pytest.approx(alone.mean(), abs=1e-3)
    free = scorer().score(photo, 1.0)
    assert abs(logit(free.probability.astype(np.float64)).mean() - alone.mean()) > 1e-2
    # All of a photo moves alike.
    moved = anchored.evidence - free.evidence
    np.testing.assert_allclose(moved, moved.mean(), atol=1e-4)


def test_probabilities_of_the_flips_are_averaged():
    def shallow(images: np.ndarray) -> np.ndarray:
        """What lies in the middle of each shallow cell."""
        return images[:, SHALLOW_CELL // 2 :: SHALLOW_CELL, SHALLOW_CELL // 2 :: SHALLOW_CELL, :1]

    def lopsided(features: np.ndarray) -> np.ndarray:
        """A network that the right half of an image concerns more."""
        cells = features[:, 2::4, 2::4] / np.float32(50)
        return cells * np.arange(3, dtype=np.float32)[:, None]

    patch = np.zeros((PATCH, PATCH, 3), np.uint8)
    patch[:, PATCH // 2 :] = 200
    mirrored = [np.flip(patch, axes)[None] for axes in ((), (0,), (1,), (0, 1))]
    alone = np.array([lopsided(shallow(image)).mean() for image in mirrored])
    averaged = logit(expit(alone).mean())
    streams = (lambda batches, run=run: map(run, batches) for run in (shallow, lopsided))
    grid = Grid(PATCH, CELLS, 31.0, True, SHALLOW_CELL, PATCH // SHALLOW_CELL, 2)
    decision = undecided("a" * 64, "openvino", "f32")
    averaging = decision.model_copy(update={"temperature": 0.5, "flips": True})
    scores = Scorer(*streams, grid, averaging, BLOCKS).score(Image.fromarray(patch), 1.0)
    assert scores.probability[0, 0] == pytest.approx(expit(averaged / 0.5), abs=1e-6)
    # The average of the logits is another one.
    assert abs(scores.probability[0, 0] - expit(alone.mean() / 0.5)) > 1e-3


def test_temperature_divides_the_logits(scorer, photo):
    plain, cooled = (scorer(temperature=t).score(photo, 1.0) for t in (1.0, 2.5))
    np.testing.assert_allclose(cooled.evidence, plain.evidence / 2.5, atol=1e-5)
    np.testing.assert_allclose(
        logit(cooled.probability.astype(np.float64)),
        logit(plain.probability.astype(np.float64)) / 2.5,
        atol=1e-3,
    )


def test_scale_looks_at_another_size(scorer, photo):
    doubled = photo.resize((800, 600), Image.Resampling.NEAREST)
    half = scorer().score(doubled, 0.5)
    assert half.step == 2 * CELL
    assert half.probability.shape == scorer().score(photo, 1.0).probability.shape


@pytest.mark.parametrize("size", [(1, 1), (40, 300), (95, 96), (97, 96)])
def test_photos_smaller_than_a_patch(scorer, photo, size):
    scores = scorer(anchors=8).score(photo.resize(size), 1.0)
    assert scores.probability.min() >= 0
    rows, columns = scores.probability.shape
    assert rows * CELL + PATCH - CELL >= size[1]
    assert columns * CELL + PATCH - CELL >= size[0]


def test_nearby_is_the_best_tile_over_a_cell(scorer, photo):
    scores = scorer().score(photo, 1.0)
    nearby, tiles = scores.nearby(), scores.probability
    assert nearby.shape == scores.evidence.shape
    assert nearby[0, 0] == tiles[0, 0]
    assert nearby[4, 5] == tiles[2:5, 3:6].max()
    assert nearby[-1, -1] == tiles[-1, -1]


@pytest.mark.slow
def test_a_network_that_averages_inside_scores_as_its_classifier(photo):
    backbone = small_backbone(PATCH, "mobilenet_v3_small")
    classifier = build_classifier(backbone, frozen_layers=0, dropout=0.0, flip=None, rotation=0.0)
    scorer = build_scorer(classifier, undecided("a" * 64, "openvino", "f32"), BLOCKS)
    pixels = np.asarray(photo)[: PATCH + 4 * CELL, : PATCH + 4 * CELL]
    evidence = scorer.score(Image.fromarray(pixels), 1.0).evidence
    # Each cell away from the border is the middle of the patch around it.
    inside = evidence[1:-1, 1:-1]
    tiles = every_tile(Image.fromarray(pixels), inside.shape)
    expected = class_maps(class_map_model(classifier), tiles)[:, 1, 1].reshape(inside.shape)
    np.testing.assert_allclose(inside, expected, atol=1e-3)
    patch = Image.fromarray(pixels[:PATCH, :PATCH])
    alone = classifier.predict(np.asarray(patch)[None], verbose=0)[0, 1]
    assert scorer.score(patch, 1.0).probability[0, 0] == pytest.approx(alone, abs=1e-4)


def test_an_unbounded_network_sees_no_more_than_a_patch(photo):
    """A network whose every cell has the mean of the image is run on whole patches alone."""
    seen = set()

    def averaging(images: np.ndarray) -> np.ndarray:
        seen.add(images.shape)
        means = images.mean(axis=(1, 2, 3), dtype=np.float32)
        return np.broadcast_to(means[:, None, None, None], (len(images), CELLS, CELLS, 1))

    grid = Grid(PATCH, CELLS, 31.0, False, 1, PATCH, 0)
    decision = undecided("a" * 64, "openvino", "f32")
    scorer = Scorer(None, lambda batches: map(averaging, batches), grid, decision, BLOCKS)
    evidence = scorer.score(photo, 1.0).evidence
    assert seen == {(1, PATCH, PATCH, 3)}
    # Each cell has the mean of the patch around it.
    assert evidence[4, 5] == pytest.approx(np.asarray(crop(photo, 128, 96, PATCH, PATCH)).mean())
