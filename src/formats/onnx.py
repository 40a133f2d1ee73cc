"""ONNX: one .onnx file, for ONNX Runtime and whatever else reads it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from src.formats.export_format import Format, Run, uint8_images


def write_onnx(
    classifier: keras.Model, precision: str, calibration: np.ndarray, target: Path
) -> None:
    """Convert by Keras' own exporter (tf2onnx); ONNX Runtime's tools change the precision."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        plain = Path(folder, "plain.onnx")
        classifier.export(
            plain, format="onnx", verbose=False, input_signature=uint8_images(classifier)
        )
        if precision == "int8":
            quantize_onnx(plain, calibration, target)
        elif precision == "float16":
            halved = convert_float_to_float16(onnx.load(plain), keep_io_types=True)
            onnx.save(halved, target)
        else:
            plain.replace(target)


def quantize_onnx(plain: Path, images: np.ndarray, target: Path) -> None:
    """Quantise statically between the first convolution and the softmax, one range a channel.

    The rescaling before and the softmax behind them stay float: the one would be rounded twice,
    the other to steps of 1/256.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    # Folds the normalisations into the convolutions, which quantisation alone does not.
    prepared = plain.with_name("prepared.onnx")
    quant_pre_process(plain, prepared, skip_symbolic_shape=True)
    nodes = onnx.load(prepared).graph.node
    first = [node.op_type for node in nodes].index("Conv")
    quantize_static(
        prepared,
        target,
        _Reader(images),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[node.name for node in [*nodes[:first], nodes[-1]]],
    )


class _Reader:
    """Calibration images one by one, as ONNX Runtime asks for them."""

    def __init__(self, images: np.ndarray) -> None:
        self.feeds: Iterator[dict[str, np.ndarray]] = iter(
            {"image": image[np.newaxis]} for image in images
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.feeds, None)


def load_onnx(path: Path) -> Run:
    """Run by ONNX Runtime on the processor."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(images: np.ndarray) -> np.ndarray:
        batches: list[Any] = [images[start : start + 4] for start in range(0, len(images), 4)]
        return np.concatenate([session.run(None, {"image": batch})[0] for batch in batches])

    return run


PACKAGES = ("onnx", "onnxruntime", "tf2onnx")
ONNX = Format(".onnx", PACKAGES, write_onnx, load_onnx)
