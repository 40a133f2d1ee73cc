"""Stored features come in the end-to-end path's order, each epoch with its own view."""

import mmap

import numpy as np
import psutil
import pytest

from src.bank.feature_bank import open_bank
from src.bank.feature_batches import FeatureBatches, StoredFeatures
from src.data.image_batches import epoch_order

ROWS = np.array([3, 5, 6, 8, 9])
LABELS = np.array([0, 1, 0, 1, 1])


def batches_of(views: int) -> FeatureBatches:
    # A feature says which view and row it is.
    stored = [
        np.array([[view * 100 + row] for row in range(10)], dtype=np.float16)
        for view in range(views)
    ]
    return FeatureBatches(stored, ROWS, LABELS, batch_size=2, seed=7)


def epochs_of(batches: FeatureBatches, epochs: int):
    for epoch in range(epochs):
        batches.begin_epoch(epoch)
        items = list(batches.stream().as_numpy_iterator())
        assert len(items) == len(batches)
        features = np.concatenate([f for f, _ in items])[:, 0]
        yield features.astype(int), np.concatenate([labels for _, labels in items])


def test_order_is_that_of_the_end_to_end_path():
    for epoch, (features, labels) in enumerate(epochs_of(batches_of(views=1), 3)):
        order = epoch_order(5, 7, epoch)
        np.testing.assert_array_equal(features, ROWS[order])
        np.testing.assert_array_equal(labels, LABELS[order])


@pytest.mark.slow
@pytest.mark.parametrize(("views", "epochs"), [(3, 3), (4, 3), (2, 4)])
def test_each_image_takes_its_views_in_turn(views, epochs):
    seen = {row: [] for row in ROWS}
    for features, _ in epochs_of(batches_of(views), epochs):
        for feature in features:
            seen[feature % 100].append(feature // 100)
    for taken in seen.values():
        assert len(taken) == epochs
        # As many views as epochs, or more: none is seen twice.
        assert len(set(taken)) == min(views, epochs)


def test_evaluation_reads_the_rows_in_order():
    stored = np.arange(10, dtype=np.float16)[:, None]
    batches = StoredFeatures(stored, ROWS, LABELS, batch_size=2)
    items = list(batches.stream().as_numpy_iterator())
    assert [len(labels) for _, labels in items] == [2, 2, 1]
    features = np.concatenate([features for features, _ in items])
    np.testing.assert_array_equal(features[:, 0], ROWS)


def test_the_end_of_an_epoch_waits_for_no_sleeping_thread():
    stored = np.zeros((10, 1), dtype=np.float16)
    streams = batches_of(2).stream(), StoredFeatures(stored, ROWS, LABELS, batch_size=2).stream()
    for stream in streams:
        assert stream.options().autotune.enabled is False


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="the system can't be told")
def test_a_pass_leaves_no_page_of_the_bank_in_memory(tmp_path):
    bank = open_bank(tmp_path, {}, 64, (4096,))
    rows, labels = np.arange(64), np.zeros(64, int)
    views = [bank.features(view) for view in range(2)]

    def resident() -> int:
        maps = psutil.Process().memory_maps()
        return sum(one.rss for one in maps if one.path.startswith(str(tmp_path)))

    assert sum(int(view.sum()) for view in views) == 0
    assert resident() >= sum(view.nbytes for view in views)
    # As training, validation and prediction read them.
    list(FeatureBatches(views, rows, labels, batch_size=8, seed=0).stream())
    assert resident() == 0
    list(StoredFeatures(views[0], rows, labels, batch_size=8).stream())
    assert resident() == 0
