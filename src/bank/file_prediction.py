"""Predictions of a whole network for image files, which are decoded while the engine computes."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from src.bank.engine import Engine, build_engine
from src.bank.openvino_engine import filled
from src.data.image_batches import load_images
from src.model.classifier import inference_model
from src.model.views import ALL_FLIPS, FLIPS

BATCH = 2  # images in one request, so that their activations fit into a core's own cache


def predict_files(engine: Engine, paths: Sequence[Path], axes: tuple[int, ...] = ()) -> np.ndarray:
    """Compute an engine's outputs for image files of one size.

    Args:
        engine: an engine for images (n, size, size, 3) uint8.
        paths: the image files.
        axes: axes along which each batch (n, size, size, 3) is flipped.

    Returns:
        Outputs (n, ...) of the engine, in the order of the files.

    Raises:
        InputError: an image cannot be read; the message names the file.
    """
    size = engine.batch_size
    starts = range(0, len(paths), size)
    batches = (load_images(paths[start : start + size]) for start in starts)
    flipped = (filled(np.flip(batch, axes), size) for batch in batches)
    return np.concatenate(list(engine.stream(flipped)))[: len(paths)]


def predict_as_served(
    classifier: keras.Model,
    paths: Sequence[Path],
    *,
    name: str,
    precision: str,
    flips: bool,
    threads: int | None,
) -> np.ndarray:
    """Predict image files with the engine that serves the classifier.

    Args:
        classifier: a model from `build_classifier`.
        paths: the image files.
        name: the engine's name, see `build_engine`.
        precision: see `build_engine`.
        flips: whether to average over the image and its three mirror images.
        threads: see `build_engine`.

    Returns:
        Probabilities (n, 2) float32, in the order of the files.

    Raises:
        InputError: an image cannot be read; the message names the file.
    """
    model = inference_model(classifier)
    engine = build_engine(
        model, name=name, precision=precision, output="float32", batch_size=BATCH, threads=threads
    )
    views = FLIPS[ALL_FLIPS] if flips else ((),)
    return np.mean([predict_files(engine, paths, axes) for axes in views], axis=0)
