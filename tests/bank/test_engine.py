"""Engines give what Keras gives, or refuse."""

from dataclasses import replace

import keras
import numpy as np
import openvino as ov
import pytest
import tensorflow as tf
from openvino.tools.ovc import telemetry_utils

from src.bank.engine import build_engine, check_engine
from src.errors import InputError
from src.model.cut import cut_classifier
from tests.samples import drawn_patches

# Where the network is cut: engines know nothing of it, and a short prefix is compiled sooner.
FROZEN_LAYERS = 54


@pytest.fixture(scope="module")
def prefix(classifier_of):
    return cut_classifier(classifier_of(FROZEN_LAYERS), "float32").prefix


@pytest.fixture(scope="module")
def engines(prefix):
    """The engines by name, in float32 and with batches of two images."""
    options = {"precision": "f32", "batch_size": 2, "output": "float32"}
    return {name: build_engine(prefix, name=name, **options) for name in ("openvino", "tensorflow")}


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    """42 images whose features differ."""
    images = np.random.default_rng(0).integers(0, 256, (42, 96, 96, 3)).astype(np.uint8)
    # The images differ in brightness, because features of noise would be almost equal.
    return images // np.arange(1, 43, dtype=np.uint8)[:, None, None, None]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openvino", "tensorflow"])
@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_float32_engine_is_keras(engines, prefix, images, name, batch_size):
    engine = replace(engines[name], batch_size=batch_size)
    assert (engine.name, engine.precision) == (name, "f32")
    reference = np.asarray(prefix(images, training=False))
    np.testing.assert_allclose(engine.run(images), reference, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("activation", ["silu", "hard_silu", "gelu", "relu6"])
def test_activations_of_all_networks_are_converted(activation, images):
    layers = [keras.layers.Conv2D(4, 3, activation=activation) for _ in range(2)]
    network = keras.Sequential([keras.Input((96, 96, 3)), *layers])
    engine = build_engine(network, name="openvino", precision="f32", batch_size=2, output="float32")
    reference = np.asarray(network(images, training=False))
    np.testing.assert_allclose(engine.run(images), reference, rtol=1e-3, atol=1e-2)


def test_the_error_is_measured_against_keras(engines, prefix, images):
    assert check_engine(engines["openvino"], prefix, images, bound=1e-3) < 1e-3
    with pytest.raises(InputError, match=r"openvino engine in f32 is off by .*max_error=1e-09"):
        check_engine(engines["openvino"], prefix, images, bound=1e-9)


@pytest.mark.slow
def test_output_dtype_is_as_asked(prefix, images):
    engine = build_engine(prefix, name="openvino", precision="f32", batch_size=2, output="float16")
    assert engine.run(images).dtype == np.float16


def test_order_is_kept(engines, many, rng):
    engine = engines["openvino"]
    features = engine.run(many)
    assert np.abs(features[1:] - features[:-1]).mean(axis=(1, 2, 3)).min() > 0.01
    order = rng.permutation(42)
    np.testing.assert_allclose(engine.run(many[order]), features[order], rtol=1e-3, atol=1e-3)


def test_views_that_are_not_contiguous_are_read_right(engines, many):
    engine = engines["openvino"]
    expected = engine.run(np.ascontiguousarray(many[::2]))
    # Memory given back too early is not always written over at once.
    for _ in range(20):
        np.testing.assert_allclose(engine.run(many[::2]), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
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


def test_a_stream_left_early_leaves_the_engine_usable(engines, many):
    engine = engines["openvino"]
    for _ in range(20):
        next(engine.stream(many[n : n + 2] for n in range(0, 40, 2)))
    alone = engine.run(many[30:32])
    np.testing.assert_allclose(engine.run(many)[30:32], alone, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_int8_engine_is_near_keras_and_nearly_the_same_every_time(prefix):
    drawn = drawn_patches(16)

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
        assert check_engine(engine, prefix, drawn[1::2], bound=0.2) > 1e-3
        return engine.run(drawn[1::2])

    one, other = outputs().astype(np.float32), outputs().astype(np.float32)
    assert np.abs(one - other).mean() < 0.02 * one.std()


def test_int8_needs_images_to_calibrate_on(prefix):
    with pytest.raises(ValueError, match="calibrate"):
        build_engine(prefix, name="openvino", precision="int8", batch_size=2, output="float16")


@pytest.mark.slow
def test_auto_chooses_an_engine(prefix):
    engine = build_engine(prefix, name="auto", precision="auto", batch_size=2, output="float32")
    if tf.config.list_physical_devices("GPU"):
        assert (engine.name, engine.precision) == ("tensorflow", "f32")
    else:
        bf16 = "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        assert (engine.name, engine.precision) == ("openvino", "bf16" if bf16 else "f32")


def test_openvino_reports_its_use_to_nobody():
    assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"


def test_features_that_float16_cannot_hold_are_told(prefix, images):
    tiny = keras.Sequential([prefix, keras.layers.Rescaling(1e-9)])
    engine = build_engine(tiny, name="tensorflow", precision="f32", output="float16", batch_size=4)
    with pytest.raises(InputError, match="too small or too large to be stored in float16"):
        check_engine(engine, tiny, images, bound=0.2)


def test_advice_leaves_out_what_is_set_already(prefix, images):
    engine = build_engine(
        prefix, name="tensorflow", precision="f32", output="float16", batch_size=4
    )
    with pytest.raises(InputError, match=r"max_error=1e-09; use train\.path=end_to_end$"):
        check_engine(engine, prefix, images, bound=1e-9)


def test_f16_is_refused_where_the_processor_computes_bf16(prefix, images):
    actual = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if "BF16" not in actual or "FP16" in actual:
        pytest.skip("this processor has f16, or no bf16")
    with pytest.raises(InputError, match="computes f16 as bf16"):
        build_engine(prefix, name="openvino", precision="f16", output="float32", batch_size=4).run(
            images
        )
