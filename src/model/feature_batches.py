"""Batches of stored features, through Keras' own data adapter."""

from collections.abc import Sequence

import keras
import numpy as np

from src.data.batches import epoch_order
from src.model.bank import release


class FeatureBatches(keras.utils.PyDataset):
    """All batches of `epochs` epochs in a row, as `src.data.batches.training_batches` orders them.

    Each item is (features (b, *shape) float16, labels (b,) int64). Keras reads ahead in tf.data's
    own thread; its PyDataset workers can reorder batches where an epoch ends before the dataset.
    """

    def __init__(
        self,
        views: Sequence[np.ndarray],
        rows: np.ndarray,
        labels: np.ndarray,
        *,
        batch_size: int,
        seed: int,
        epochs: int,
    ) -> None:
        """
        Args:
            views: each view's features (bank rows, *shape) float16; epoch e gives image i its view
                (e + offset of i) modulo their number, with offsets drawn by the seed.
            rows: (n,) int, the bank's rows of the training images.
            labels: (n,) int.
            batch_size: the last batch of an epoch is the rest.
            seed: decides the order and the offsets.
            epochs: how many follow one another.
        """
        super().__init__()
        self.views, self.rows, self.labels = list(views), rows, labels
        self.batch_size, self.seed, self.epochs = batch_size, seed, epochs
        self.steps_per_epoch = -(-len(rows) // batch_size)
        self.offsets = np.random.default_rng(seed).integers(len(views), size=len(rows))
        self.orders = [epoch_order(len(rows), seed, epoch) for epoch in range(epochs)]

    def __len__(self) -> int:
        return self.epochs * self.steps_per_epoch

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, step = divmod(index, self.steps_per_epoch)
        if step == 0:
            # An epoch touches each training image once; without this, memory grows with the views.
            for view in self.views:
                release(view)
        chosen = self.orders[epoch][step * self.batch_size : (step + 1) * self.batch_size]
        view_of = (epoch + self.offsets[chosen]) % len(self.views)
        rows = self.rows[chosen]
        features = np.empty((len(chosen), *self.views[0].shape[1:]), dtype=np.float16)
        for place, (view, row) in enumerate(zip(view_of, rows, strict=True)):
            features[place] = self.views[view][row]
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
