"""What src.serve serves: a file is packaged once, and answers as its decision says."""

import mlflow
import numpy as np
import pytest
from PIL import Image

from src.config.loader import compose_as
from src.config.tool_schema import Serve
from src.data.drawn.photograph import draw_photograph
from src.model.decision import DECISION
from src.registry.image_judge import load_judge
from src.registry.served_model import servable
from tests.pictures import saved
from tests.registry.samples import classifier, decision

pytestmark = pytest.mark.slow


def test_a_file_is_packaged_once_for_each_setting(tmp_path):
    model = classifier()
    model.save(tmp_path / "model.keras")
    made = decision(model)
    (tmp_path / DECISION).write_text(made.model_dump_json())

    def packaged(*overrides: str) -> str:
        given = [f"model={tmp_path / 'model.keras'}", f"output={tmp_path / 'out'}"]
        return servable(compose_as(Serve, "serve/config", [*given, *overrides]))

    folder = packaged()
    assert packaged() == folder
    assert packaged("serving.threshold=0.9") != folder
    assert len(list((tmp_path / "out").iterdir())) == 2
    settings = mlflow.models.get_model_info(folder).flavors["python_function"]["config"]
    assert settings["decision"] == made.model_dump()
    (file,) = (tmp_path / "out").glob(f"{folder.rsplit('/', 1)[1]}/**/*.keras")
    pixels = draw_photograph(np.random.default_rng(3), 200, 300, cracked=True).pixels
    content = saved(Image.fromarray(pixels), "PNG")
    answers = [
        load_judge(path, settings).judge([content]) for path in (file, tmp_path / "model.keras")
    ]
    assert answers[0] == answers[1]
