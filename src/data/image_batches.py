"""Batches of decoded patches, in an order that depends on the seed only."""

from collections.abc import Sequence

import cv2
import numpy as np
import tensorflow as tf

from src.data.image_files import ImageFile, path_of, read_image_file
from src.errors import InputError

# Number of batches that are decoded in advance while the model trains.
READ_AHEAD = 4


def epoch_order(images: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order (images,) int64 of the training images in an epoch, which counts from 0."""
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
    """Make a dataset of all batches of all epochs, each epoch in its own `epoch_order`.

    Args:
        paths: the JPEG files.
        labels: (n,) int.
        image_size: height and width of every image in pixels.
        batch_size: number of images in a batch. The last batch of an epoch may be smaller.
        seed: seed of the order.
        epochs: number of epochs.

    Returns:
        A dataset of (images (b, size, size, 3) uint8, labels (b,) int64). An epoch has
        ceil(n / batch_size) batches.
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
    """Make a dataset of each image once, in the given order; see `training_batches`."""
    images = tf.data.Dataset.from_tensor_slices(list(paths)).map(
        lambda path: decode(path, image_size), tf.data.AUTOTUNE
    )
    targets = tf.data.Dataset.from_tensor_slices(tf.constant(labels, tf.int64))
    return untuned(tf.data.Dataset.zip(images, targets).batch(batch_size).prefetch(READ_AHEAD))


def untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Turn off tf.data's autotuning for these batches.

    The autotuner's thread sleeps for intervals that start at 10 ms and double each time. The end of
    every pass over the data waits until the current interval is over. After a minute of short
    epochs each epoch thus wasted 2.5 s.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


def decode(path: tf.Tensor, image_size: int) -> tf.Tensor:
    """Read one JPEG file as (image_size, image_size, 3) uint8.

    The accurate inverse DCT gives the same pixels as `load_images`.
    """
    image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE")
    return tf.ensure_shape(image, (image_size, image_size, 3))


def load_images(files: Sequence[ImageFile]) -> np.ndarray:
    """Read JPEG files of one size as (n, size, size, 3) uint8, with the same pixels as `decode`.

    Raises:
        InputError: an image cannot be read, is not the listed one or has another size than the
            first; the message names the file.
    """
    # OpenCV decodes in half of Pillow's time. It also releases Python's global lock, so that the
    # engine can work at the same time.
    as_stored = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    images: list[np.ndarray] = []
    for file in files:
        data = read_image_file(file)
        image = cv2.imdecode(data, as_stored) if len(data) else None
        if image is None:
            raise InputError(
                f"{path_of(file)} can't be read: it is not a complete JPEG file; run the fetch "
                "stage again"
            )
        if images and image.shape != images[0].shape:
            height, width, _ = image.shape
            raise InputError(
                f"{path_of(file)} has {width} x {height} pixels, and {path_of(files[0])} has "
                f"{images[0].shape[1]} x {images[0].shape[0]}; images must have one size"
            )
        images.append(image)
    return np.stack(images)


def load_spread(files: Sequence[ImageFile], count: int) -> np.ndarray:
    """Read up to `count` of the images, spread evenly over all of them; see `load_images`."""
    return load_images([files[row] for row in evenly_spread(len(files), count)])


def evenly_spread(total: int, count: int) -> np.ndarray:
    """Return up to `count` of `total` rows, (n,) int, spread evenly from the first to the last."""
    return np.linspace(0, total - 1, min(count, total), dtype=int)
