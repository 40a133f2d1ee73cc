"""The class map of a classifier."""

import keras
import numpy as np
import pytest

from src.errors import InputError
from src.model.backbones import build_backbone
from src.model.class_map import (
    CELL,
    EAGERLY,
    SHALLOW_CELL,
    class_map_model,
    class_map_stages,
    class_maps,
    class_maps_of_patches,
    map_grid,
)
from src.model.classifier import build_classifier
from tests.samples import small_backbone


@pytest.fixture(scope="module")
def classifier(classifier_of):
    return classifier_of(150)


@pytest.fixture(scope="module")
def model(classifier):
    return class_map_model(classifier)


@pytest.mark.slow
def test_mean_of_the_map_is_the_difference_of_logits(classifier, model, rng):
    patches = rng.integers(0, 256, (4, 96, 96, 3), dtype=np.uint8)
    maps = class_maps(model, patches)
    assert maps.shape == (4, 3, 3)
    probabilities = np.asarray(classifier(patches, training=False))
    logits = np.log(probabilities[:, 1] / probabilities[:, 0])
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), logits, atol=1e-4)


@pytest.mark.slow
def test_a_shift_by_a_cell_shifts_the_map(model, rng):
    image = rng.integers(0, 256, (96 + 24 * CELL, 96 + CELL, 3), dtype=np.uint8)
    whole, below = (class_maps(model, image[None, top:])[0] for top in (0, CELL))
    # Farther from the border than any layer sees.
    np.testing.assert_allclose(whole[9:-8], below[8:-8], atol=1e-3)
    assert np.abs(whole[1:] - below).max() > 1e-3


@pytest.mark.slow
def test_the_network_looks_where_the_cell_is_said_to_be(classifier, model):
    """What a dark spot changes, weighed, is centred on the spot."""
    size, cell = 96 + 8 * CELL, 5
    spots = np.arange(cell * CELL - 64, cell * CELL + 128, 16)
    images = np.full((len(spots), size, size, 3), 180, np.uint8)
    middle = int(map_grid(classifier).first) + cell * CELL
    for image, spot in zip(images, spots, strict=True):
        image[middle - 4 : middle + 4, spot - 4 : spot + 4] = 0
    blank = class_maps(model, np.full((1, size, size, 3), 180, np.uint8))
    change = np.abs(class_maps(model, images) - blank)[:, cell, cell]
    assert abs((change * spots).sum() / change.sum() - middle) < CELL / 2


@pytest.mark.slow
@pytest.mark.parametrize("patch", [96, 98, 100, 103, 227])
def test_shallow_features_of_a_piece_are_those_of_the_whole_image(patch, rng):
    classifier = build_classifier(
        small_backbone(patch), frozen_layers=150, dropout=0.2, flip=None, rotation=0
    )
    shallow, deep = class_map_stages(classifier)
    grid = map_grid(classifier)
    finer, reach = grid.shallow_cells, grid.shallow_reach
    side = patch + 6 * SHALLOW_CELL
    image = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    whole = np.asarray(shallow(image[None]))[0]
    assert len(whole) == finer + 6
    start, end = 2, 2 + finer + 1
    inside = slice(SHALLOW_CELL * start, SHALLOW_CELL * start + patch + SHALLOW_CELL)
    piece = np.asarray(shallow(image[None, inside, inside]))[0]
    kept = slice(reach, -reach)
    np.testing.assert_allclose(
        piece[kept, kept], whole[start:end, start:end][kept, kept], atol=1e-4
    )
    # One less would not do.
    wider = slice(reach, 1 - reach)
    assert np.abs(piece[wider, wider] - whole[start:end, start:end][wider, wider]).max() > 1e-3
    patches = image[None, :patch, :patch]
    maps = np.asarray(deep(shallow(patches)))[..., 0]
    np.testing.assert_allclose(maps, class_maps_of_patches(classifier, patches), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("patch", "cells", "centre"), [(227, 8, 2), (96, 3, 31), (224, 7, 31)])
def test_grid_of_the_published_network(patch, cells, centre):
    backbone = build_backbone("mobilenet_v2", patch)
    grid = map_grid(
        build_classifier(backbone, frozen_layers=150, dropout=0.2, flip=None, rotation=0)
    )
    assert (grid.patch, grid.cells, grid.first, grid.bounded) == (patch, cells, centre, True)
    shallow = -(-patch // SHALLOW_CELL)
    assert (grid.shallow_cell, grid.shallow_cells, grid.shallow_reach) == (8, shallow, 2)


def test_other_strides_are_refused():
    image = keras.Input((64, 64, 3))
    backbone = keras.Model(
        image, keras.layers.Conv2D(4, 16, strides=16)(image), name="mobilenet_v2"
    )
    classifier = build_classifier(backbone, frozen_layers=0, dropout=0.0, flip=None, rotation=0)
    with pytest.raises(InputError, match="a feature every 16 pixels, not every 32"):
        map_grid(classifier)


@pytest.mark.slow
def test_class_maps_of_patches_are_those_of_the_model(classifier, model, rng):
    patches = rng.integers(0, 256, (EAGERLY + 1, 96, 96, 3), dtype=np.uint8)
    expected = class_maps(model, patches)
    np.testing.assert_allclose(class_maps_of_patches(classifier, patches), expected, atol=1e-4)
