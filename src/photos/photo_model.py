"""The model that judges photos: what identifies it, and the classifier, loaded when it is needed.

TensorFlow takes seconds to load. A run that finds all photos done before does not need it.
"""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from src.data.remote import AnyPath, put_text
from src.tracking.logged_models import find_model, load_classifier

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class PhotoClassifier:
    """A classifier of patches that may not be loaded yet.

    Attributes:
        weights: SHA-256 (hex) of its weights.
        patch: height and width of the patches that it takes, in pixels.
        load: function that returns the classifier, always the same one.
    """

    weights: str
    patch: int
    load: "Callable[[], keras.Model]"


def photo_model(name: str, note: AnyPath | None = None) -> PhotoClassifier:
    """Find the model that `name` names, and load it unless a note has what identifies it.

    Args:
        name: see `load_classifier`.
        note: a file that keeps what identifies a model from one run to the next. It holds the
            SHA-256 of the model's file, so it is not used for another file.

    Raises:
        InputError: see `load_classifier`.
    """
    file = hashlib.sha256(find_model(name).read_bytes()).hexdigest()
    try:
        noted = json.loads(note.read_text(encoding="utf-8")) if note else {}
        if noted == _note(file, noted["weights"], noted["patch"]):
            load = functools.cache(lambda: load_classifier(name))
            return PhotoClassifier(noted["weights"], noted["patch"], load)
    except (OSError, ValueError, TypeError, KeyError):
        # Without a note of this file, the model itself is asked.
        pass
    model = loaded_model(load_classifier(name))
    if note:
        put_text(note, json.dumps(_note(file, model.weights, model.patch)) + "\n")
    return model


def _note(file: str, weights: str, patch: int) -> dict[str, object]:
    """Return the content of a note, with a checksum that shows whether it was damaged."""
    about = {"file": file, "weights": weights, "patch": patch}
    return {**about, "checksum": hashlib.sha256(json.dumps(about).encode()).hexdigest()}


def loaded_model(classifier: "keras.Model") -> PhotoClassifier:
    """Return the `PhotoClassifier` of a classifier that is loaded already."""
    from src.model.weights import weights_sha256

    patch = int(classifier.input_shape[1])
    return PhotoClassifier(weights_sha256(classifier), patch, lambda: classifier)
