"""Export to ONNX as one .onnx file, for ONNX Runtime and other runtimes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from src.data.files import temporary_folder
from src.formats.export_format import Format, Run, uint8_images


def write_onnx(
    classifier: keras.Model, precision: str, calibration: np.ndarray, target: Path
) -> None:
    """Convert a classifier with Keras' own exporter, and write it; see `Format.write`.

    The exporter uses tf2onnx. ONNX Runtime's tools change the precision.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with temporary_folder("onnx", target.parent) as folder:
        plain = Path(folder, "plain.onnx")
        classifier.export(
            plain, format="onnx", verbose=False, input_signature=uint8_images(classifier)
        )
        onnx.save(without_erfc(onnx.load(plain)), plain)
        if precision == "int8":
            quantize_onnx(plain, calibration, target)
        elif precision == "float16":
            halved = convert_float_to_float16(onnx.load(plain), keep_io_types=True)
            onnx.save(halved, target)
        else:
            plain.replace(target)


def without_erfc(model: Any) -> Any:
    """Replace each operation `Erfc` of an ONNX model by 1 - Erf.

    Keras' exporter writes `Erfc` for the exact GELU, but ONNX has no such operation.
    """
    import onnx

    nodes = list(model.graph.node)
    if all(node.op_type != "Erfc" for node in nodes):
        return model
    one = onnx.numpy_helper.from_array(np.array(1, np.float32), "one_of_erfc")
    model.graph.initializer.append(one)
    del model.graph.node[:]
    for node in nodes:
        if node.op_type == "Erfc":
            erf = f"{node.output[0]}_erf"
            model.graph.node.append(onnx.helper.make_node("Erf", node.input, [erf]))
            node = onnx.helper.make_node("Sub", [one.name, erf], node.output)
        model.graph.node.append(node)
    return model


def quantize_onnx(plain: Path, images: np.ndarray, target: Path) -> None:
    """Quantise a model statically, with one range for each channel, and write it.

    Only the part from the first convolution to the softmax is quantised. The rescaling before it
    would be rounded twice. The softmax after it would be rounded to steps of 1/256.

    Args:
        plain: the .onnx file in float32.
        images: (n, size, size, 3) uint8 from which the value ranges are taken.
        target: the .onnx file to write.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    # This folds the normalisations into the convolutions, which quantisation alone would not do.
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
    """Reader that hands calibration images to ONNX Runtime one by one."""

    def __init__(self, images: np.ndarray) -> None:
        self.feeds: Iterator[dict[str, np.ndarray]] = iter(
            {"image": image[np.newaxis]} for image in images
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.feeds, None)


def load_onnx(path: Path) -> Run:
    """Load an .onnx file into ONNX Runtime on the processor; see `Format.load`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(images: np.ndarray) -> np.ndarray:
        batches: list[Any] = [images[start : start + 4] for start in range(0, len(images), 4)]
        return np.concatenate([session.run(None, {"image": batch})[0] for batch in batches])

    return run


PACKAGES = ("onnx", "onnxruntime", "tf2onnx")
ONNX = Format(".onnx", PACKAGES, write_onnx, load_onnx)
