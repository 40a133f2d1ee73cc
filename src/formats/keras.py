"""Export to Keras' own file, which src.predict, src.app and src.export read again as a model.

With float16 the file takes half the space, so that trained weights can come with the project. They
are float32 again when the file is loaded, and the arithmetic is that of float32.
"""

import io
import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np

from src.data.files import file_sha256, write_text
from src.formats.export_format import Format, Run
from src.model.decision import DECISION, Decision
from src.model.weights import weights_sha256

WEIGHTS = "model.weights.h5"  # the member of a .keras file that holds the tensors
EXAMPLE = "example.json"
IMAGES_AT_ONCE = 32


def write_keras(
    classifier: keras.Model, precision: str, calibration: np.ndarray, target: Path
) -> None:
    """Write a classifier as a .keras file; see `Format.write`."""
    whole = io.BytesIO()
    saved = target.with_name(f".whole{target.suffix}")
    classifier.save(saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(whole, "w") as smaller:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name == WEIGHTS and precision == "float16":
                content = _halved(content)
            smaller.writestr(name, content, zipfile.ZIP_DEFLATED, compresslevel=9)
    saved.unlink()
    target.write_bytes(whole.getvalue())


def load_keras(path: Path) -> Run:
    """Load a .keras file; see `Format.load`."""
    classifier = keras.saving.load_model(path, compile=False)
    return lambda images: classifier.predict(images, batch_size=IMAGES_AT_ONCE, verbose=0)


def describe_keras(path: Path, decision: Decision | None) -> None:
    """Write what belongs beside a .keras file: its decision, and predictions to check it by.

    EXAMPLE holds the file's checksum and its probabilities of `example_images`.

    Args:
        path: the file, whose weights may have been rounded.
        decision: the decision that the classifier's run has made. It gets the checksum of the
            file's own weights. None writes no decision.
    """
    classifier = keras.saving.load_model(path, compile=False)
    if decision:
        own = decision.model_copy(update={"weights": weights_sha256(classifier)})
        write_text(path.with_name(DECISION), own.model_dump_json(indent=1) + "\n")
    probabilities = load_keras(path)(example_images(int(classifier.input_shape[1])))
    example = {"sha256": file_sha256(path), "probabilities": probabilities.tolist()}
    write_text(path.with_name(EXAMPLE), json.dumps(example, indent=1) + "\n")


def example_images(side: int) -> np.ndarray:
    """Make the same four images (4, side, side, 3) uint8 at every call: coarse and fine noise."""
    rng = np.random.default_rng(0)
    images = [
        np.kron(rng.integers(0, 256, (-(-side // grain),) * 2), np.ones((grain, grain)))
        for grain in (1, 4, 16, 64)
    ]
    return np.stack([np.stack([image[:side, :side]] * 3, -1) for image in images]).astype(np.uint8)


def _halved(content: bytes) -> bytes:
    """Return a file of tensors with all of them as float16."""
    halved = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as source, h5py.File(halved, "w") as target:

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Group):
                made = target.require_group(name)
            else:
                tensor = item[()]
                wide = tensor.dtype == np.float32
                made = target.create_dataset(name, data=tensor.astype("f2") if wide else tensor)
            for key, value in item.attrs.items():
                made.attrs[key] = value

        source.visititems(copy)
    return halved.getvalue()


KERAS = Format(".keras", (), write_keras, load_keras, precisions=("float32", "float16"))
