"""A registered model as MLflow loads and serves it, from a copy of this file in its folder.

Beside the copy lie those of the packages that it imports (src/registry/packaged_model.py).
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from src.registry.judge import BadRequestImage, load_judge


class BadRequest(MlflowException):
    """What the scoring server answers with status 400 and the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason, error_code=BAD_REQUEST)

    @property
    def message(self) -> str:
        return self.reason

    @message.setter
    def message(self, text: str) -> None:
        """Left as it is: the server would put the whole request before the reason."""


class PhotoModel(PythonModel):
    """Images of any size to labels and probabilities; see `src.registry.judge.Judge.judge`."""

    # MLflow's own check of the input's type, too, would answer with the whole request.
    _skip_type_hint_validation = True

    def load_context(self, context: PythonModelContext) -> None:
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
