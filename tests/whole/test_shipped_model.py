"""The model that comes with the project: it is whole, small, and predicts as it did."""

import json

import numpy as np
import pytest

from src.config.loader import ROOT
from src.data.files import file_sha256
from src.formats.keras import EXAMPLE, KERAS, example_images
from src.model.decision import DECISION, read_decision

FILE = ROOT / "models" / "keras-float16" / "model.keras"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FILE.is_file(), reason="no model comes with the project yet"),
]


def test_it_loads_to_the_same_predictions():
    example = json.loads(FILE.with_name(EXAMPLE).read_text())
    assert file_sha256(FILE) == example["sha256"]
    assert FILE.stat().st_size <= 5_000_000
    side = json.loads(FILE.with_name("card.json").read_text())["input"]
    probabilities = KERAS.load(FILE)(example_images(int(side.split(", ")[1])))
    np.testing.assert_allclose(probabilities, example["probabilities"], atol=1e-3)
    assert read_decision(FILE.with_name(DECISION)).calibrated
