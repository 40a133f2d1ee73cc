"""Is there a crack in this image? Answered for images of any size, however they were sent."""

import base64
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from src.config.tool_schema import PhotoEngine
from src.model.decision import Decision
from src.photos.reading import megapixels, read_photo, release_memory
from src.photos.scoring import Scorer, build_scorer
from src.photos.unreadable import failure_reason

# Pixels of an image after which memory is given back, which takes some milliseconds.
LARGE = 30_000_000


class BadRequestImage(Exception):
    """An image that can't be judged; the message says which one and why."""


@dataclass(frozen=True)
class Judge:
    """Says of images what src.predict says of photos.

    Attributes:
        scorer: compiled for the classifier.
        decision: how its outputs become a verdict.
        max_megapixels: larger images are refused.
    """

    scorer: Scorer
    decision: Decision
    max_megapixels: float
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def judge(self, images: Iterable[Any]) -> list[dict[str, Any]]:
        """For each image its `label` and the calibrated `probability` of a crack.

        That is the probability of its most likely tile. May be called by several threads.

        Args:
            images: each a file's content (JPEG, PNG, …) as bytes or as base64 text, or RGB pixels
                (height, width, 3) in [0, 255] as an array or nested lists.

        Raises:
            BadRequestImage: one of them is none of these, damaged, empty or too large.
        """
        verdicts = []
        for number, image in enumerate(images, start=1):
            # Images are judged in turn, so that the memory is that of one however many are sent.
            with self._turn:
                try:
                    probability = self._probability(image)
                except BadRequestImage as reason:
                    raise BadRequestImage(f"image {number}: {reason}") from reason
                # Whatever one image does, its sender learns which one and why.
                except Exception as error:
                    raise BadRequestImage(f"image {number}: {failure_reason(error)}") from error
            label = self.decision.classes[probability >= self.decision.threshold]
            verdicts.append({"label": label, "probability": probability})
        return verdicts

    def _probability(self, image: Any) -> float:
        photo = as_photo(image, self.max_megapixels)
        try:
            return max(
                float(self.scorer.score(photo, scale).probability.max())
                for scale in self.decision.scales
            )
        finally:
            if photo.width * photo.height > LARGE:
                del photo
                release_memory()


def load_judge(file: Path, settings: Mapping[str, Any]) -> Judge:
    """The judge of a classifier.

    Args:
        file: of the classifier, .keras.
        settings: the `decision` that applies, and `engine` and `max_megapixels` of `serving` in
            conf/promote/config.yaml.
    """
    decision = Decision.model_validate(settings["decision"])
    classifier = keras.saving.load_model(file, compile=False)
    scorer = build_scorer(classifier, decision, PhotoEngine(**settings["engine"]))
    return Judge(scorer, decision, settings["max_megapixels"])


def as_photo(image: Any, max_megapixels: float) -> Image.Image:
    """An upright RGB photo of an image as `Judge.judge` takes it.

    Raises:
        BadRequestImage, Unreadable: see there.
    """
    if isinstance(image, str):
        try:
            # Some encoders break lines.
            image = base64.b64decode("".join(image.split()), validate=True)
        except ValueError as error:
            raise BadRequestImage(f"text that is not base64: {error}") from error
    if isinstance(image, bytes):
        _check_size(megapixels(image), max_megapixels)
        return read_photo(image, max_megapixels=max_megapixels)
    return _of_pixels(image, max_megapixels)


def _of_pixels(image: Any, max_megapixels: float) -> Image.Image:
    try:
        pixels = np.asarray(image)
    except ValueError as error:
        raise BadRequestImage(f"rows of pixels that are not equally long: {error}") from error
    if pixels.dtype.kind not in "uif" or pixels.ndim == 0:
        raise BadRequestImage("neither base64 text nor an array of numbers")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        shape = " x ".join(str(side) for side in pixels.shape)
        raise BadRequestImage(f"pixels of shape {shape}; RGB is height x width x 3")
    _check_size(pixels.shape[0] * pixels.shape[1] / 1e6, max_megapixels)
    # False for NaN as well.
    if not ((pixels >= 0) & (pixels <= 255)).all():
        raise BadRequestImage("pixels that are not all numbers from 0 to 255")
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def _check_size(size: float, most: float) -> None:
    if size > most:
        raise BadRequestImage(f"{size:.4g} megapixels, above the {most:g} that this model takes")
