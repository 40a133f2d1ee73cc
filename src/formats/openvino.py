"""Export to OpenVINO's own format: the graph in NAME.xml and the weights in NAME.bin."""

from pathlib import Path

import keras
import numpy as np
import openvino as ov

from src.bank.openvino_engine import compile_stream, convert, run_in_batches
from src.formats.export_format import Format, Run


def write_openvino(
    classifier: keras.Model, precision: str, calibration: np.ndarray, target: Path
) -> None:
    """Convert a classifier to OpenVINO, and write it; see `Format.write`.

    With float16 the weights take half the space. The arithmetic is chosen when the file is loaded.
    """
    images = calibration if precision == "int8" else None
    model = convert(classifier, "float32", images)
    # The converter calls it as a function of TensorFlow calls its argument.
    model.input().set_names({"image"})
    model.get_parameters()[0].set_friendly_name("image")
    ov.save_model(model, target, compress_to_fp16=precision == "float16")


def load_openvino(path: Path) -> Run:
    """Load an .xml file and compile it for this processor; see `Format.load`.

    Operations that are not in int8 compute in float32.
    """
    stream = compile_stream(ov.Core().read_model(path), precision="f32")
    return lambda images: run_in_batches(stream, images, batch_size=2)


OPENVINO = Format(".xml", (), write_openvino, load_openvino)
