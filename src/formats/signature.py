"""The signature that Keras' exporters give a classifier."""

import keras
import tensorflow as tf


def uint8_images(classifier: keras.Model) -> list[tf.TensorSpec]:
    """One input `image`, (n, size, size, 3) uint8 with n free."""
    return [tf.TensorSpec((None, *classifier.input_shape[1:]), tf.uint8, name="image")]
