"""An OpenVINO export is used by other programs as docs/export.md says."""

import keras
import numpy as np
import openvino as ov

from src.formats.openvino import OPENVINO


def test_the_input_is_called_image(images, tmp_path):
    pixels = keras.Input((96, 96, 3), name="image")
    shrunk = keras.layers.AveragePooling2D(32)(keras.layers.Rescaling(1 / 255)(pixels))
    answer = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(shrunk))
    model = keras.Model(pixels, answer)
    OPENVINO.write(model, "float32", images, tmp_path / "model.xml")
    found = ov.Core().compile_model(tmp_path / "model.xml", "CPU")({"image": images})[0]
    np.testing.assert_allclose(found, np.asarray(model(images)), atol=0.01)
