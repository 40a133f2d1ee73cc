"""Batches of stored features, through Keras' own data adapter."""

from collections.abc import Sequence

import keras
import numpy as np

from src.data.batches import epoch_order
from src.model.bank import release


class FeatureBatches(keras.utils.PyDataset):
    """The batches of one epoch, the one last begun, ordered as in `src.data.batches`.

    Each item is (features (b, *shape) float16, labels (b,) int64). Keras reads ahead in tf.data's
    own thread. Its own `on_epoch_begin` is also called where it only looks at a first batch, so
    the epoch is told by a callback of `fit`.
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
        super().__init__()
        self.views, self.rows, self.labels = list(views), rows, labels
        self.batch_size, self.seed = batch_size, seed
        self.offsets = np.random.default_rng(seed).integers(len(views), size=len(rows))
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Give the batches of `epoch` (from 0) from now on."""
        self.order = epoch_order(len(self.rows), self.seed, epoch)
        self.view_of = (epoch + self.offsets) % len(self.views)
        # An epoch touches each training image once; without this, memory grows with the views.
        for view in self.views:
            release(view)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        features = np.empty((len(chosen), *self.views[0].shape[1:]), dtype=np.float16)
        for place, image in enumerate(chosen):
            features[place] = self.views[self.view_of[image]][self.rows[image]]
        return features, self.labels[chosen]


class StoredFeatures(keras.utils.PyDataset):
    """One view's features once, in the order of `rows`; items as in `FeatureBatches`."""

    def __init__(
        self,
        features: np.ndarray,
        rows: np.ndarray,
        labels: np.ndarray,
        *,
        batch_size: int,
    ) -> None:
        super().__init__()
        self.features, self.rows, self.labels = features, rows, labels
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        batch = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.features[self.rows[batch]], self.labels[batch]
