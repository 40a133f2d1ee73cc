"""Batches of stored features as tf.data datasets, which Keras reads with every backend."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from src.bank.feature_bank import release
from src.data.image_batches import READ_AHEAD, epoch_order, untuned

Batch = tuple[np.ndarray, np.ndarray]


class FeatureBatches:
    """The batches of the current epoch, in the order of `src.data.image_batches.epoch_order`.

    Each batch is (features (b, *shape) float16, labels (b,) int64). Keras sometimes starts an
    iteration only to inspect the first batch. A callback of `fit` must therefore call `begin_epoch`
    at the start of each epoch.
    """

    def __init__(
        self,
        views: Sequence[np.ndarray],
        rows: np.ndarray,
        labels: np.ndarray,
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        """
        Args:
            views: the features of each view, (bank rows, *shape) float16. In epoch e image i gets
                the view (e + offset of i) modulo the number of views.
            rows: (n,) int, the training images' rows in the bank.
            labels: (n,) int.
            batch_size: number of images in a batch. The last batch of an epoch may be smaller.
            seed: seed of the order and of the images' offsets.
        """
        self.views, self.rows, self.labels = list(views), rows, labels
        self.batch_size, self.seed = batch_size, seed
        self.offsets = np.random.default_rng(seed).integers(len(views), size=len(rows))
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Switch to the batches of an epoch, which counts from 0."""
        self.order = epoch_order(len(self.rows), self.seed, epoch)
        self.view_of = (epoch + self.offsets) % len(self.views)

    def close(self) -> None:
        """Drop the references to the views, because TensorFlow keeps this object until it exits."""
        self.views = []

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        # Without the release after each pass, memory would grow with every view and every run.
        with _released(*self.views):
            for start in range(0, len(self.rows), self.batch_size):
                chosen = self.order[start : start + self.batch_size]
                features = np.empty((len(chosen), *self.views[0].shape[1:]), dtype=np.float16)
                for place, image in enumerate(chosen):
                    features[place] = self.views[self.view_of[image]][self.rows[image]]
                yield features, self.labels[chosen]

    def stream(self) -> tf.data.Dataset:
        """Make a tf.data dataset of these batches, which are read in advance."""
        return _read_ahead(self, len(self), self.views[0].shape[1:])


class StoredFeatures:
    """The batches of one view's features in a fixed order, of the form of `FeatureBatches`."""

    def __init__(
        self,
        features: np.ndarray,
        rows: np.ndarray,
        labels: np.ndarray,
        *,
        batch_size: int,
    ) -> None:
        """
        Args:
            features: (bank rows, *shape) float16.
            rows: (n,) int, the images' rows in the bank.
            labels: (n,) int.
            batch_size: number of images in a batch. The last batch may be smaller.
        """
        self.features, self.rows, self.labels = features, rows, labels
        self.batch_size = batch_size

    def close(self) -> None:
        """Drop the reference to the features; see `FeatureBatches.close`."""
        self.features = np.empty((0, *self.features.shape[1:]), self.features.dtype)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        with _released(self.features):
            for start in range(0, len(self.rows), self.batch_size):
                batch = slice(start, start + self.batch_size)
                yield self.features[self.rows[batch]], self.labels[batch]

    def stream(self) -> tf.data.Dataset:
        """Make a tf.data dataset of these batches, which are read in advance."""
        return _read_ahead(self, len(self), self.features.shape[1:])


@contextmanager
def _released(*views: np.ndarray) -> Iterator[None]:
    try:
        yield
    finally:
        for view in views:
            release(view)


def _read_ahead(batches: Iterable[Batch], count: int, shape: tuple[int, ...]) -> tf.data.Dataset:
    signature = (tf.TensorSpec((None, *shape), tf.float16), tf.TensorSpec((None,), tf.int64))
    stream = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)
    counted = stream.apply(tf.data.experimental.assert_cardinality(count))
    return untuned(counted.prefetch(READ_AHEAD))
