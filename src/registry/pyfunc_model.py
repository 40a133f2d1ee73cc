"""The class of registered models, which MLflow loads and serves.

A registered model's folder has a copy of this file and of the modules that it imports; see
src/registry/packaged_model.py.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from src.registry.bounded_bodies import bound_bodies
from src.registry.bounded_requests import BadRequest, bound_requests
from src.registry.image_judge import BadRequestImage, load_judge


class PhotoModel(PythonModel):
    """Predicts labels and probabilities of images; see `Judge.judge`."""

    # MLflow's own check of the input's type is off, because its error repeats the whole request.
    _skip_type_hint_validation = True

    def load_context(self, context: PythonModelContext) -> None:
        most = int(context.model_config["max_request_megabytes"] * 1e6)
        bound_bodies(most)
        bound_requests()
        self.judge = load_judge(Path(context.artifacts["classifier"]), context.model_config)

    def predict(
        self,
        context: PythonModelContext,
        model_input: list[Any],
        params: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        images: Any = model_input
        if isinstance(images, pd.DataFrame) and len(images.columns) == 1:
            images = images.iloc[:, 0].tolist()
        if not isinstance(images, list | tuple | np.ndarray):
            raise BadRequest(f"inputs must be a list of images, and is a {type(images).__name__}")
        if not len(images):
            raise BadRequest("inputs has no image")
        try:
            return self.judge.judge(images)
        except BadRequestImage as reason:
            raise BadRequest(str(reason)) from reason


set_model(PhotoModel())
