"""OpenVINO's own format: NAME.xml, the graph, and NAME.bin, the weights, beside it."""

from pathlib import Path

import keras
import numpy as np
import openvino as ov

from src.bank.openvino_engine import compile_stream, convert, run_in_batches
from src.formats.export_format import Format, Run


def write_openvino(
    classifier: keras.Model, precision: str, calibration: np.ndarray, target: Path
) -> None:
    """Write the converted model; float16 halves the weights, the arithmetic is the processor's."""
    images = calibration if precision == "int8" else None
    model = convert(classifier, "float32", images)
    ov.save_model(model, target, compress_to_fp16=precision == "float16")


def load_openvino(path: Path) -> Run:
    """Compile for this processor, computing in float32 whatever is not int8."""
    stream = compile_stream(ov.Core().read_model(path), precision="f32")
    return lambda images: run_in_batches(stream, images, batch_size=2)


OPENVINO = Format(".xml", (), write_openvino, load_openvino)
