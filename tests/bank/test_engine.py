"""Engines give what Keras gives, or refuse."""

import keras
import numpy as np
import openvino as ov
import pytest
import tensorflow as tf

from src.bank.engine import build_engine, check_engine
from src.data.image_batches import load_images
from src.errors import InputError
from src.model.classifier import build_classifier
from src.model.cut import cut_classifier
from tests.samples import lively_backbone


@pytest.fixture
def prefix(classifier_of):
    return cut_classifier(classifier_of(150), "float32").prefix


@pytest.mark.parametrize("name", ["openvino", "tensorflow"])
@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_float32_engine_is_keras(prefix, images, name, batch_size):
    engine = build_engine(
        prefix, name=name, precision="f32", batch_size=batch_size, output="float32"
    )
    assert (engine.name, engine.precision) == (name, "f32")
    reference = prefix.predict(images, verbose=0)
    np.testing.assert_allclose(engine.run(images), reference, rtol=1e-3, atol=1e-4)
    assert check_engine(engine, prefix, images, bound=1e-3) < 1e-3


def test_output_dtype_is_as_asked(prefix, images):
    engine = build_engine(prefix, name="openvino", precision="f32", batch_size=2, output="float16")
    assert engine.run(images).dtype == np.float16


@pytest.fixture
def lively(rng) -> tuple[keras.Model, np.ndarray]:
    """A prefix whose features differ from image to image, and images."""
    images = rng.integers(0, 256, (42, 96, 96, 3)).astype(np.uint8)
    # Dark and bright ones, or noise would look all alike.
    images //= np.arange(1, 43, dtype=np.uint8)[:, None, None, None]
    classifier = build_classifier(
        lively_backbone(images), frozen_layers=150, dropout=0.0, flip=None, rotation=0.0
    )
    return cut_classifier(classifier, "float32").prefix, images


def test_order_is_kept(lively, rng):
    prefix, images = lively
    engine = build_engine(prefix, name="openvino", precision="f32", batch_size=2, output="float32")
    features = engine.run(images)
    assert np.abs(features[1:] - features[:-1]).mean(axis=(1, 2, 3)).min() > 0.01
    order = rng.permutation(42)
    np.testing.assert_allclose(engine.run(images[order]), features[order], rtol=1e-3, atol=1e-3)


def test_views_that_are_not_contiguous_are_read_right(lively):
    prefix, images = lively
    engine = build_engine(prefix, name="openvino", precision="f32", batch_size=2, output="float32")
    expected = engine.run(np.ascontiguousarray(images[::2]))
    # Memory given back too early is not always written over at once.
    for _ in range(20):
        np.testing.assert_allclose(engine.run(images[::2]), expected, rtol=1e-3, atol=1e-3)


def test_batches_of_changing_shapes_come_out_in_their_order():
    pixels = keras.Input((None, None, 3))
    shrunk = keras.Model(pixels, keras.layers.AveragePooling2D(2)(pixels))
    engine = build_engine(shrunk, name="openvino", precision="f32", output="float32")
    # More shapes than are kept compiled.
    sides = [4, 8, 4, 16, 32, 4, 8, 8, 64, 4, 12, 20] * 3
    given = [np.full((1, side, side, 3), n, np.uint8) for n, side in enumerate(sides)]
    for n, output in enumerate(engine.stream(given)):
        assert output.shape == (1, sides[n] // 2, sides[n] // 2, 3)
        np.testing.assert_array_equal(output, n)
    assert n == len(sides) - 1


def test_a_stream_left_early_leaves_the_engine_usable(lively):
    prefix, images = lively
    engine = build_engine(prefix, name="openvino", precision="f32", batch_size=2, output="float32")
    for _ in range(20):
        next(engine.stream(images[n : n + 2] for n in range(0, 40, 2)))
    alone = engine.run(images[30:32])
    np.testing.assert_allclose(engine.run(images)[30:32], alone, rtol=1e-3, atol=1e-3)


def test_inexact_engine_is_refused(prefix, images):
    engine = build_engine(prefix, name="openvino", precision="bf16", batch_size=2, output="float32")
    with pytest.raises(
        InputError, match=r"openvino engine in bf16 is off by .*features.max_error=1e-09"
    ):
        check_engine(engine, prefix, images, bound=1e-9)


def test_int8_engine_is_near_keras_and_nearly_the_same_every_time(prefix, images, patches):
    root, listing = patches
    drawn = load_images([root / path for path in listing.path])

    def outputs() -> np.ndarray:
        engine = build_engine(
            prefix,
            name="openvino",
            precision="int8",
            batch_size=2,
            output="float16",
            calibration=drawn[::2],
        )
        assert engine.precision == "int8"
        # It is not one of the float engines.
        assert check_engine(engine, prefix, drawn[1::2], bound=0.1) > 1e-3
        return engine.run(drawn[1::2])

    one, other = outputs().astype(np.float32), outputs().astype(np.float32)
    assert np.abs(one - other).mean() < 0.02 * one.std()


def test_int8_needs_images_to_calibrate_on(prefix):
    with pytest.raises(ValueError, match="calibrate"):
        build_engine(prefix, name="openvino", precision="int8", batch_size=2, output="float16")


def test_auto_chooses_an_engine(prefix):
    engine = build_engine(prefix, name="auto", precision="auto", batch_size=2, output="float32")
    if tf.config.list_physical_devices("GPU"):
        assert (engine.name, engine.precision) == ("tensorflow", "f32")
    else:
        bf16 = "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        assert (engine.name, engine.precision) == ("openvino", "bf16" if bf16 else "f32")
