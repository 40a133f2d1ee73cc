"""What folding keeps in products of low precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.model.classifier import backbone_of
from src.model.end_to_end import EndToEnd
from src.model.folded_suffix import FoldedSuffix

BIAS = 1.003  # 1 in bfloat16


def pooled(precision: str, features: np.ndarray) -> np.ndarray:
    """The average over the pixels, as the folded suffix has it, of one convolution's outputs."""
    inputs = keras.Input(features.shape[1:])
    x = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer=_constant(0.1))(inputs)
    x = keras.layers.BatchNormalization(beta_initializer=_constant(BIAS), epsilon=0.0)(x)
    tail = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    dense = keras.layers.Dense(2, activation="softmax", kernel_initializer="identity")
    suffix = FoldedSuffix(tail, keras.layers.Dropout(0.0), dense, precision)
    probabilities = suffix.predict(features, verbose=0)
    return np.log(probabilities[:, 0] / probabilities[:, 1])


def _constant(value: float) -> keras.initializers.Initializer:
    return keras.initializers.Constant(value)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("channels", [1, 3])  # as many as there are filters, and more
def test_a_bias_is_not_rounded(precision, channels, rng):
    features = rng.normal(size=(4, 64, 64, channels)).astype(np.float16)
    expected = BIAS + 0.1 * features.sum(axis=-1, dtype=np.float64).mean(axis=(1, 2))
    # An output is rounded by up to 0.004, which the average over 4,096 of them evens out.
    np.testing.assert_allclose(pooled(precision, features), expected, atol=5e-4)


def test_a_scale_before_a_convolution_is_kept_without_one_behind_it(rng):
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.BatchNormalization(gamma_initializer=_constant(1.7))(inputs)
    x = keras.layers.Conv2D(2, 1, use_bias=False)(x)
    tail = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    softmax = keras.layers.Softmax()
    suffix = FoldedSuffix(tail, keras.layers.Dropout(0.0), softmax, "float32")
    features = rng.normal(size=(5, 4, 4, 3)).astype(np.float16)
    expected = softmax(tail.predict(features, verbose=0))
    np.testing.assert_allclose(suffix.predict(features, verbose=0), expected, atol=1e-6)


def test_the_gradient_of_the_clipped_average_is_that_of_the_layers(rng):
    inputs = keras.Input((4, 4, 3))
    convolution = keras.layers.Conv2D(8, 1, use_bias=False, kernel_initializer="he_normal")
    tail = keras.Model(
        inputs,
        keras.layers.GlobalAveragePooling2D()(
            keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(convolution(inputs)))
        ),
    )
    dense = keras.layers.Dense(2, activation="softmax")
    suffix = FoldedSuffix(tail, keras.layers.Dropout(0.0), dense, "float32")
    # Large enough that outputs are clipped at both ends.
    features = tf.constant(rng.normal(scale=4, size=(5, 4, 4, 3)), tf.float32)

    def gradient(model):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(features)[:, 0] ** 2)
        return tape.gradient(loss, convolution.kernel.value)

    layers = keras.Sequential([tail, dense])
    np.testing.assert_allclose(gradient(suffix), gradient(layers), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("frozen_layers", [0, 143, 150])
def test_the_gradients_of_the_network_are_those_of_its_layers(classifier_of, images, frozen_layers):
    classifier = classifier_of(frozen_layers)
    labels = np.array([0, 1, 1, 0])

    def in_layers(images):
        x = classifier.get_layer("rescale")(images)
        # Not called by a model in training, the backbone keeps to its inference mode.
        x = classifier.get_layer("pool")(backbone_of(classifier)(x, training=False))
        return classifier.get_layer("probabilities")(x)

    def gradients(model):
        with tf.GradientTape() as tape:
            loss = keras.losses.sparse_categorical_crossentropy(labels, model(images))
        return tape.gradient(loss, [weight.value for weight in classifier.trainable_weights])

    folded = EndToEnd(classifier)
    found = gradients(lambda images: folded(images, training=True))
    for one, expected in zip(found, gradients(in_layers), strict=True):
        # Rounding decides on which side of a bend of ReLU6 a few activations lie.
        assert np.linalg.norm(one - expected) < 1e-2 * np.linalg.norm(expected)
