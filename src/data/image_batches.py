"""Batches of decoded patches, in an order that a seed alone decides."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from src.errors import InputError

# Batches decoded while the processor trains on another.
READ_AHEAD = 4


def epoch_order(images: int, seed: int, epoch: int) -> np.ndarray:
    """The order (images,) int64 in which epoch `epoch` (from 0) sees the training images."""
    return np.random.default_rng([seed, epoch]).permutation(images)


def training_batches(
    paths: Sequence[str],
    labels: np.ndarray,
    *,
    image_size: int,
    batch_size: int,
    seed: int,
    epochs: int,
) -> tf.data.Dataset:
    """All batches of `epochs` epochs in a row, each epoch in its own `epoch_order`.

    Yields (images (b, size, size, 3) uint8, labels (b,) int64); the last batch of an epoch is the
    rest, so an epoch has ceil(images / batch_size) batches.
    """
    orders = np.stack([epoch_order(len(paths), seed, epoch) for epoch in range(epochs)])
    names, targets = tf.constant(list(paths)), tf.constant(labels, tf.int64)

    def load(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return decode(names[index], image_size), targets[index]

    def one_epoch(order: tf.Tensor) -> tf.data.Dataset:
        loaded = tf.data.Dataset.from_tensor_slices(order).map(load, tf.data.AUTOTUNE)
        return loaded.batch(batch_size)

    epochs_in_order = tf.data.Dataset.from_tensor_slices(orders)
    return untuned(epochs_in_order.flat_map(one_epoch).prefetch(READ_AHEAD))


def evaluation_batches(
    paths: Sequence[str], labels: np.ndarray, *, image_size: int, batch_size: int
) -> tf.data.Dataset:
    """The images once, in the order given, as `training_batches` yields them."""
    images = tf.data.Dataset.from_tensor_slices(list(paths)).map(
        lambda path: decode(path, image_size), tf.data.AUTOTUNE
    )
    targets = tf.data.Dataset.from_tensor_slices(tf.constant(labels, tf.int64))
    return untuned(tf.data.Dataset.zip(images, targets).batch(batch_size).prefetch(READ_AHEAD))


def untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """The same batches without tf.data's autotuning.

    Its thread looks at the pipeline at intervals that double from 10 ms, and the end of every pass
    over the data, so of every epoch, waits with idle cores until it has slept through the last one:
    2.5 s after a minute of short epochs.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


def decode(path: tf.Tensor, image_size: int) -> tf.Tensor:
    """Read one JPEG as (image_size, image_size, 3) uint8.

    The accurate inverse DCT, so that every path through the project sees the same pixels.
    """
    image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE")
    return tf.ensure_shape(image, (image_size, image_size, 3))


def load_images(paths: Sequence[Path]) -> np.ndarray:
    """Read JPEGs of one size as (n, size, size, 3) uint8; the same pixels as `decode`.

    Raises:
        InputError: an image can't be read; it names the file.
    """
    # OpenCV decodes in half Pillow's time and without Python's lock, which the engine needs.
    as_stored = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    images = []
    for path in paths:
        try:
            data = np.fromfile(path, np.uint8)
            image = cv2.imdecode(data, as_stored) if len(data) else None
        except OSError as error:
            raise InputError(f"{path} can't be read: {error}; run the fetch stage again") from error
        if image is None:
            raise InputError(f"{path} can't be read: no whole JPEG; run the fetch stage again")
        images.append(image)
    return np.stack(images)


def load_spread(paths: Sequence[Path], count: int) -> np.ndarray:
    """Up to `count` of the images, evenly spread over all, as `load_images` reads them."""
    return load_images([paths[row] for row in evenly_spread(len(paths), count)])


def evenly_spread(total: int, count: int) -> np.ndarray:
    """Up to `count` rows (n,) int of `total`, from the first to the last."""
    return np.linspace(0, total - 1, min(count, total), dtype=int)
