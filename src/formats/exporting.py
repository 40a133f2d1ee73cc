"""Exporting one classifier in several formats and precisions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from src.config.tool_schema import Export
from src.errors import InputError
from src.formats.conversion import Exported, export_classifier
from src.model.weights import weights_sha256


def made_and_refused(
    config: Export,
    chosen: Sequence[tuple[str, str]],
    given: dict[str, Any],
) -> tuple[list[Exported], list[str]]:
    """Export a classifier in several ways. One that is refused does not stop the others.

    Args:
        config: the settings.
        chosen: the formats and precisions.
        given: further arguments of `export_classifier`.

    Returns:
        The exports, and why others were refused.
    """
    exported, refused = [], []
    limits = config.model_dump(include={"max_accuracy_lost", "min_agreement"})
    for name, precision in chosen:
        print(f"{name} {precision}")
        to: dict[str, Any] = {"format": name, "precision": precision, "folder": Path(config.output)}
        try:
            exported.append(export_classifier(**given, **limits, **to))
        except InputError as error:
            refused.append(str(error))
    return exported, refused


def described(
    model: str, classifier: keras.Model, manifest: pd.DataFrame, calibration_images: int
) -> dict[str, Any]:
    """Describe the model, its inputs and its outputs for the card.json of each export.

    Args:
        model: the model as the user has named it.
        classifier: the model itself.
        manifest: the manifest of its training.
        calibration_images: number of images that int8 is calibrated on.
    """
    one_of_each = manifest.drop_duplicates("label").sort_values("label")
    return {
        "model": model,
        "weights_sha256": weights_sha256(classifier),
        "input": f"image: uint8 {[None, *classifier.input_shape[1:]]}, RGB",
        "output": "float32 [None, 2], the classes' probabilities before the decision's temperature",
        "classes": [path.split("/")[0] for path in one_of_each.path],
        "calibration_images": calibration_images,
    }
