"""Every export really runs in its runtime and gives Keras' probabilities, or is refused."""

import json

import keras
import numpy as np
import pytest

from src.data.image_batches import load_images
from src.errors import InputError
from src.formats import conversion
from src.formats.conversion import Patches, export_classifier, export_table
from src.formats.export_format import PRECISIONS
from src.formats.onnx import ONNX
from src.model.classifier import build_classifier
from tests.extras import needs
from tests.samples import small_backbone

# A random network is far more sensitive than a trained one.
LIMITS = {"max_accuracy_lost": 0.2, "min_agreement": 0.8}
LARGEST = {"float32": 1e-3, "float16": 0.1, "int8": 0.7}


@pytest.fixture(scope="module")
def drawn(patches) -> np.ndarray:
    root, listing = patches
    return load_images([root / path for path in listing.path])


@pytest.fixture(scope="module")
def classifier(drawn) -> keras.Model:
    """A small classifier with certain predictions: half of the drawn patches in each class.

    It has the first six blocks of the backbone, which contain all kinds of layers. Two more layers
    hold most of the weights, because a test compares the sizes of the files.
    """
    whole = small_backbone()
    x = keras.layers.Conv2D(1280, 1)(whole.get_layer("block_5_add").output)
    x = keras.layers.Conv2D(256, 1)(keras.layers.ReLU(6.0)(x))
    first = keras.Model(whole.input, x, name=whole.name)
    model = build_classifier(first, frozen_layers=50, dropout=0.2, flip="horizontal", rotation=0.2)
    head = model.get_layer("probabilities")
    features = np.asarray(keras.Model(model.input, head.input)(drawn))
    # The features differ most along this axis, so the classes stay separate even with 8 bits.
    axis = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)[2][0]
    kernel = np.stack([np.zeros_like(axis), axis * 4 / (features @ axis).std()], axis=1)
    head.set_weights([kernel, -np.median(features @ kernel, axis=0)])
    return model


@pytest.fixture(scope="module")
def reference(classifier, drawn) -> np.ndarray:
    return np.asarray(classifier(drawn, training=False))


def exported(classifier, drawn, expected, folder, **changes):
    settings = {
        "format": "openvino",
        "precision": "float32",
        "calibration": drawn[::2],
        "patches": Patches(drawn, expected.argmax(axis=1)),
        "reference": expected,
        **LIMITS,
        "about": {"model": "small"},
        "folder": folder,
    }
    return export_classifier(classifier, **(settings | changes))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision"),
    [
        (name, precision)
        for name in conversion.FORMATS
        for precision in PRECISIONS
        if (name, precision) != ("keras", "int8")
    ],
)
def test_export_runs_and_agrees(classifier, drawn, reference, tmp_path, name, precision):
    if name == "onnx":
        needs("onnxruntime")
    chosen = conversion.format_named(name)
    done = exported(classifier, drawn, reference, tmp_path, format=name, precision=precision)
    (folder,) = tmp_path.iterdir()
    assert folder.name == f"{name}-{precision}"
    card = json.loads((folder / "card.json").read_text())
    assert card["model"] == "small"
    assert card["check"]["largest_difference"] == done.check.largest_difference
    assert done.check.largest_difference < LARGEST[precision]
    assert done.size == sum(f.stat().st_size for f in folder.iterdir() if f.name != "card.json")
    bytes_each = {"float32": 4, "float16": 2, "int8": 1}[precision]
    assert 0.9 * bytes_each < done.size / classifier.count_params() < 1.4 * bytes_each
    # Any number of images, from the file alone.
    run = chosen.load(folder / f"model{chosen.suffix}")
    for images in (drawn[:1], drawn[:5]):
        probabilities = run(images)
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities, reference[: len(images)], atol=LARGEST[precision])


@pytest.mark.slow
def test_badly_calibrated_export_is_refused_and_leaves_nothing(
    classifier, drawn, reference, tmp_path
):
    with pytest.raises(InputError, match=r"openvino-int8 is refused: on 40 patches"):
        exported(
            classifier,
            drawn,
            reference,
            tmp_path,
            precision="int8",
            calibration=np.zeros_like(drawn[:4]),
            min_agreement=1.0,
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_refused_export_leaves_the_earlier_one(classifier, drawn, reference, tmp_path):
    exported(classifier, drawn, reference, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    labels = 1 - reference.argmax(axis=1)
    opposite = Patches(drawn, labels)
    with pytest.raises(InputError, match="is refused"):
        exported(classifier, drawn, reference, tmp_path, patches=opposite, reference=1 - reference)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_exports_of_two_processes_into_one_folder_are_not_mixed(
    classifier, drawn, reference, tmp_path, monkeypatch
):
    compared = conversion.compare_with_keras

    def meanwhile(*given):
        monkeypatch.setattr(conversion, "compare_with_keras", compared)
        other = {"about": {"model": "other"}, "patches": Patches(drawn, given[2].labels[::-1])}
        exported(classifier, drawn, reference, tmp_path, max_accuracy_lost=1, **other)
        return compared(*given)

    monkeypatch.setattr(conversion, "compare_with_keras", meanwhile)
    done = exported(classifier, drawn, reference, tmp_path)
    (folder,) = tmp_path.iterdir()
    assert {file.name for file in folder.iterdir()} == {"model.xml", "model.bin", "card.json"}
    card = json.loads((folder / "card.json").read_text())
    assert (card["model"], card["check"]["accuracy"]) == ("small", done.check.accuracy)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(conversion, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs onnx, onnxruntime, tf2onnx: make extras"):
        conversion.format_named("onnx")
    assert conversion.format_named("litert").suffix == ".tflite"


def test_probabilities_that_are_none_are_refused():
    patches = Patches(np.zeros((2, 8, 8, 3), np.uint8), np.array([0, 1]))
    nan = np.full((2, 2), np.nan)
    check = conversion.compare_with_keras(nan, 1.0, patches, np.eye(2))
    with pytest.raises(InputError, match="onnx-int8 is refused: it gives NaN"):
        conversion.refuse_export("onnx-int8", check, 1.0, 0.0)


def test_table_has_a_row_an_export():
    check = conversion.Check(500, 0.998, 0.002, 0.996, 0.25, 812.4)
    table = export_table([conversion.Exported("onnx", "int8", 2_640_000, check)])
    said = ["onnx", "int8", "2.6", "MB", "812", "0.9980", "0.9960", "0.25"]
    assert table.splitlines()[-1].split() == said


@pytest.mark.slow
def test_the_exact_gelu_runs_in_onnx(drawn, tmp_path):
    for module in ONNX.packages:
        needs(module)
    image = keras.layers.Input((96, 96, 3), name="image", dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    bent = keras.layers.Conv2D(4, 3, strides=8, activation="gelu")(scaled)
    answer = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(bent))
    model = keras.Model(image, answer)
    ONNX.write(model, "float32", drawn[:2], tmp_path / "model.onnx")
    found = ONNX.load(tmp_path / "model.onnx")(drawn[:4])
    np.testing.assert_allclose(found, np.asarray(model(drawn[:4])), atol=1e-5)
