"""The .keras file of half the size, and what lies beside it."""

import json

import keras
import numpy as np
import pytest

from src.data.files import file_sha256
from src.errors import InputError
from src.formats.conversion import chosen_exports
from src.formats.keras import KERAS, describe_keras, example_images
from src.model.decision import read_decision, undecided
from src.model.weights import weights_sha256
from tests.registry.samples import classifier

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained() -> keras.Model:
    return classifier()


@pytest.fixture(scope="module")
def file(tmp_path_factory, trained):
    path = tmp_path_factory.mktemp("half") / "model.keras"
    KERAS.write(trained, "float16", np.empty(0), path)
    return path


def test_formats_have_their_precisions():
    assert chosen_exports("keras", "all") == [("keras", "float32"), ("keras", "float16")]
    with pytest.raises(InputError, match="format=keras has no precision=int8"):
        chosen_exports("keras", "int8")


def test_weights_are_rounded_to_float16(file, trained):
    loaded = keras.saving.load_model(file, compile=False).get_weights()
    whole = trained.get_weights()
    assert {tensor.dtype.name for tensor in loaded} == {"float32"}
    for one, other in zip(loaded, whole, strict=True):
        np.testing.assert_array_equal(one, other.astype("f2").astype("f4"))


def test_the_file_is_described_by_its_own_predictions(file):
    describe_keras(file, undecided("0" * 64, "openvino", "f32"))
    model = keras.saving.load_model(file, compile=False)
    assert read_decision(file.with_name("decision.json")).weights == weights_sha256(model)
    example = json.loads(file.with_name("example.json").read_text())
    assert example["sha256"] == file_sha256(file)
    images = example_images(96)
    assert (images.shape, images.dtype) == ((4, 96, 96, 3), np.uint8)
    np.testing.assert_allclose(
        model.predict(images, verbose=0), example["probabilities"], atol=1e-5
    )
