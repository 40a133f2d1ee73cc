"""Batches of stored features, as tf.data, which Keras reads under any backend."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from src.bank.feature_bank import release
from src.data.image_batches import READ_AHEAD, epoch_order, untuned

Batch = tuple[np.ndarray, np.ndarray]


class FeatureBatches:
    """The batches of one epoch, the one last begun, ordered as in `src.data.image_batches`.

    Each is (features (b, *shape) float16, labels (b,) int64). Keras also begins an iteration where
    it only looks at a first batch, so the epoch is told by a callback of `fit`.
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
            views: each view's features (bank rows, *shape) float16; epoch e gives image i its view
                (e + offset of i) modulo their number, with offsets drawn by the seed.
            rows: (n,) int, the bank's rows of the training images.
            labels: (n,) int.
            batch_size: the last batch of an epoch is the rest.
            seed: decides the order and the offsets.
        """
        self.views, self.rows, self.labels = list(views), rows, labels
        self.batch_size, self.seed = batch_size, seed
        self.offsets = np.random.default_rng(seed).integers(len(views), size=len(rows))
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Give the batches of `epoch` (from 0) from now on."""
        self.order = epoch_order(len(self.rows), self.seed, epoch)
        self.view_of = (epoch + self.offsets) % len(self.views)

    def close(self) -> None:
        """Let go of the views. TensorFlow keeps whatever feeds a dataset as long as it runs."""
        self.views = []

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        # Released after each pass, or memory would grow with the views, and with a sweep's runs.
        with _released(*self.views):
            for start in range(0, len(self.rows), self.batch_size):
                chosen = self.order[start : start + self.batch_size]
                features = np.empty((len(chosen), *self.views[0].shape[1:]), dtype=np.float16)
                for place, image in enumerate(chosen):
                    features[place] = self.views[self.view_of[image]][self.rows[image]]
                yield features, self.labels[chosen]

    def stream(self) -> tf.data.Dataset:
        """The same, read ahead."""
        return _read_ahead(self, len(self), self.views[0].shape[1:])


class StoredFeatures:
    """One view's features once, in the order of `rows`; batches as in `FeatureBatches`."""

    def __init__(
        self,
        features: np.ndarray,
        rows: np.ndarray,
        labels: np.ndarray,
        *,
        batch_size: int,
    ) -> None:
        self.features, self.rows, self.labels = features, rows, labels
        self.batch_size = batch_size

    def close(self) -> None:
        """Let go of the features; see `FeatureBatches.close`."""
        self.features = np.empty((0, *self.features.shape[1:]), self.features.dtype)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        with _released(self.features):
            for start in range(0, len(self.rows), self.batch_size):
                batch = slice(start, start + self.batch_size)
                yield self.features[self.rows[batch]], self.labels[batch]

    def stream(self) -> tf.data.Dataset:
        """The same, read ahead."""
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
