"""The judge: it decides whether images of any size and in several encodings show a crack."""

import base64
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from src.config.photo_schema import PhotoEngine
from src.data.decoding.photo_decoding import megapixels, read_photo, release_memory
from src.data.decoding.unreadable import failure_reason
from src.model.decision import Decision, refuse_other_model
from src.model.saved_model import load_saved_model
from src.model.weights import weights_sha256
from src.photos.finding_fields import finding_fields
from src.photos.photo_findings import findings_on
from src.photos.pixel_size import UNKNOWN
from src.photos.regions import Findings
from src.photos.scoring import Scorer, build_scorer

# After images with more pixels than this, the memory is returned to the system. This takes some
# milliseconds.
LARGE = 30_000_000


class BadRequestImage(Exception):
    """An image that cannot be judged. The message says which one and why."""


@dataclass(frozen=True)
class Judge:
    """Gives images the same verdicts that src.predict gives photos.

    Attributes:
        scorer: the scorer with the compiled classifier.
        decision: the decision that applies.
        max_megapixels: the largest accepted size of an image, above 0.
    """

    scorer: Scorer
    decision: Decision
    max_megapixels: float
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def judge(self, images: Iterable[Any]) -> list[dict[str, Any]]:
        """Judge images. Several threads may call this at the same time.

        Args:
            images: the images. Each is a file's content (JPEG, PNG, …) as bytes or base64 text. It
                can also be RGB pixels (height, width, 3) in [0, 255], as an array or nested lists.

        Returns:
            For each image its `label`, the name of a class, its `width` and `height` in pixels
            when it is upright, and the fields that src.predict writes of a photo; see
            `finding_fields`. There are no millimetres, as no scale is known.

        Raises:
            BadRequestImage: an image is of another kind, damaged, empty or too large.
        """
        verdicts = []
        for number, image in enumerate(images, start=1):
            # One image is judged at a time, so the memory does not depend on their number.
            with self._turn:
                try:
                    found, (width, height) = self._findings(image)
                except BadRequestImage as reason:
                    raise BadRequestImage(f"image {number}: {reason}") from reason
                # The sender learns which image failed and why, for an exception of any type.
                except Exception as error:
                    raise BadRequestImage(f"image {number}: {failure_reason(error)}") from error
            fields = finding_fields(found, UNKNOWN, [])
            label = self.decision.classes[found.cracked]
            shown = {"label": label, "width": width, "height": height, **fields}
            verdicts.append({**shown, "probability": found.probability})
        return verdicts

    def _findings(self, image: Any) -> tuple[Findings, tuple[int, int]]:
        photo = as_photo(image, self.max_megapixels)
        size = photo.size
        try:
            scores = [self.scorer.score(photo, scale) for scale in self.decision.scales]
            return findings_on(photo, scores, self.decision, self.scorer.patch), size
        finally:
            if photo.width * photo.height > LARGE:
                del photo
                release_memory()


def load_judge(file: Path, settings: Mapping[str, Any]) -> Judge:
    """Load a classifier and make its judge.

    Args:
        file: the .keras file of the classifier.
        settings: the `decision` that applies, and `engine` and `max_megapixels` of `serving` in
            conf/promote/config.yaml.

    Raises:
        InputError: the decision is another model's, or the file is damaged.
    """
    decision = Decision.model_validate(settings["decision"])
    classifier = load_saved_model(file)
    refuse_other_model(decision, weights_sha256(classifier), str(file))
    scorer = build_scorer(classifier, decision, PhotoEngine(**settings["engine"]))
    return Judge(scorer, decision, settings["max_megapixels"])


def as_photo(image: Any, max_megapixels: float) -> Image.Image:
    """Convert an image to an upright RGB photo.

    Args:
        image: an image of any of the kinds that `Judge.judge` accepts.
        max_megapixels: the largest accepted size.

    Raises:
        BadRequestImage: the image is of another kind, empty or too large.
        Unreadable: the image's file is damaged, or it cannot be decoded.
    """
    if isinstance(image, str):
        try:
            # Some encoders insert line breaks, which `validate` would not accept.
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
    # Comparisons with NaN are False, so NaN is refused, too.
    if not ((pixels >= 0) & (pixels <= 255)).all():
        raise BadRequestImage("pixels that are not all numbers from 0 to 255")
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def _check_size(size: float, most: float) -> None:
    if size > most:
        raise BadRequestImage(f"{size:.4g} megapixels, above the {most:g} that this model takes")
