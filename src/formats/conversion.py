"""Exporting a classifier: an export is checked against Keras, and kept only if it is as good."""

import importlib
import itertools
import json
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from src.config.console import aligned
from src.data.files import temporary_folder, write_text
from src.data.image_batches import evenly_spread, load_images
from src.errors import InputError
from src.formats.export_format import PRECISIONS, Format, Run
from src.formats.keras import describe_keras
from src.model.classifier import inference_model
from src.model.decision import Decision

FORMATS = ("keras", "litert", "onnx", "openvino")


@dataclass(frozen=True)
class Patches:
    """Images (n, size, size, 3) uint8 and their labels (n,) int."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Check:
    """An export compared with Keras on the same patches.

    Attributes:
        images: number of patches.
        accuracy: accuracy of the export, 0 to 1.
        accuracy_lost: Keras' accuracy minus that of the export.
        agreement: share of the patches that get the same class as in Keras, 0 to 1.
        largest_difference: largest absolute difference between probabilities of the two.
        images_per_second: speed of the export on this machine's processor, after a warm-up.
    """

    images: int
    accuracy: float
    accuracy_lost: float
    agreement: float
    largest_difference: float
    images_per_second: float


@dataclass(frozen=True)
class Exported:
    """One exported model: its format, its precision, its files' size in bytes, and its check."""

    format: str
    precision: str
    size: int
    check: Check


def export_classifier(
    classifier: keras.Model,
    *,
    format: str,
    precision: str,
    calibration: np.ndarray,
    patches: Patches,
    reference: np.ndarray,
    max_accuracy_lost: float,
    min_agreement: float,
    about: dict[str, Any],
    folder: Path,
    decision: Decision | None = None,
) -> Exported:
    """Export a classifier to the folder `folder`/`format`-`precision`, and check the export.

    It replaces an earlier one, which stays if the export fails or is refused.

    Args:
        classifier: a model from `build_classifier`.
        format: one of `FORMATS`.
        precision: one of the format's precisions.
        calibration: images (n, size, size, 3) uint8 from which int8 takes its value ranges.
        patches: the patches to check the export on.
        reference: (n, 2) float32, Keras' probabilities of these patches.
        max_accuracy_lost: largest loss of accuracy against Keras that is allowed, 0 to 1.
        min_agreement: least share of the patches that must get the same class as in Keras, 0 to 1.
        about: further entries of card.json.
        folder: the folder of all exports, which is created if necessary.
        decision: the decision of the model, which a Keras file has beside it.

    Returns:
        The export and its check, which card.json holds too.

    Raises:
        InputError: a package is missing, or the export loses more than is allowed.
    """
    chosen = format_named(format)
    name = f"{format}-{precision}"
    with _replacing(folder / name) as unfinished:
        path = unfinished / f"model{chosen.suffix}"
        chosen.write(inference_model(classifier), precision, calibration, path)
        check = compare_with_keras(*timed(chosen.load(path), patches.images), patches, reference)
        refuse_export(name, check, max_accuracy_lost, min_agreement)
        if format == "keras":
            describe_keras(path, decision)
        size = sum(file.stat().st_size for file in unfinished.iterdir())
        exported = Exported(format, precision, size, check)
        write_text(unfinished / "card.json", json.dumps(about | asdict(exported), indent=2) + "\n")
    return exported


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of `folder` if nothing is raised, else disappears."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Another process may export into the same folder meanwhile.
    with temporary_folder(f".{folder.name}", folder.parent) as own:
        unfinished = Path(own, folder.name)
        unfinished.mkdir()
        yield unfinished
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)


def load_part(manifest: pd.DataFrame, root: Path, part: str, count: int) -> Patches:
    """Load up to `count` patches of one part of a manifest, spread evenly over the part.

    Args:
        manifest: a manifest of a split.
        root: the folder that its paths are relative to.
        part: train, validation or test.
        count: largest number of patches.

    Raises:
        InputError: see `load_images`.
    """
    rows = manifest[manifest.part == part]
    rows = rows.iloc[evenly_spread(len(rows), count)]
    return Patches(load_images([root / path for path in rows.path]), rows.label.to_numpy())


def refuse_other_size(images: np.ndarray, classifier: keras.Model, root: Path) -> None:
    """Raise `InputError` if images are not of the size that a classifier takes.

    Args:
        images: (n, height, width, 3) uint8.
        classifier: the classifier.
        root: the folder of the images, for the message.
    """
    height, width = images.shape[1:3]
    side = classifier.input_shape[1]
    if (height, width) != (side, side):
        raise InputError(
            f"the images in {root} have {width} x {height} pixels, and the model takes "
            f"{side} x {side}"
        )


def format_named(name: str) -> Format:
    """Return the format called `name`, which is one of `FORMATS`.

    Raises:
        InputError: a package that the format needs is not installed.
    """
    chosen: Format = getattr(importlib.import_module(f"src.formats.{name}"), name.upper())
    missing = [package for package in chosen.packages if find_spec(package) is None]
    if missing:
        raise InputError(
            f"format={name} needs {', '.join(missing)}: make extras installs them; "
            "format=litert and format=openvino need no extra packages"
        )
    return chosen


def chosen_exports(format: str, precision: str) -> list[tuple[str, str]]:
    """Return the formats and their precisions that are asked for.

    Args:
        format: one of `FORMATS`, or `all`.
        precision: one of `PRECISIONS`, or `all`. Formats that do not have it are left out.

    Raises:
        InputError: a package is missing, or no format is left.
    """
    formats = FORMATS if format == "all" else [format]
    precisions = PRECISIONS if precision == "all" else [precision]
    pairs = itertools.product(formats, precisions)
    chosen = [(name, one) for name, one in pairs if one in format_named(name).precisions]
    if not chosen:
        raise InputError(f"format={format} has no precision={precision}")
    return chosen


def timed(run: Run, images: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the probabilities (n, 2) of the images, and the images per second after a warm-up."""
    run(images[:8])
    started = time.perf_counter()
    probabilities = run(images)
    return probabilities, len(images) / (time.perf_counter() - started)


def compare_with_keras(
    probabilities: np.ndarray, images_per_second: float, patches: Patches, reference: np.ndarray
) -> Check:
    """Compare an export's probabilities (n, 2) of patches with those of Keras.

    Args:
        probabilities: (n, 2) float32, those of the export.
        images_per_second: speed of the export.
        patches: the patches and their labels.
        reference: (n, 2) float32, those of Keras.
    """
    classes, expected = probabilities.argmax(axis=1), reference.argmax(axis=1)
    accuracy = np.mean(classes == patches.labels)
    return Check(
        images=len(patches.labels),
        accuracy=float(accuracy),
        accuracy_lost=float(np.mean(expected == patches.labels) - accuracy),
        agreement=float(np.mean(classes == expected)),
        largest_difference=float(np.abs(probabilities - reference).max()),
        images_per_second=images_per_second,
    )


def refuse_export(name: str, check: Check, max_accuracy_lost: float, min_agreement: float) -> None:
    """Raise an error if an export is worse than the limits allow; see `export_classifier`.

    Raises:
        InputError: the export exceeds a limit, or it gives NaN.
    """
    if math.isnan(check.largest_difference):
        raise InputError(f"{name} is refused: it gives NaN where Keras gives probabilities")
    reasons = []
    if check.accuracy_lost > max_accuracy_lost:
        lost = f"its accuracy is {check.accuracy_lost:.4f} lower than Keras'"
        reasons.append(f"{lost} (max_accuracy_lost={max_accuracy_lost:g})")
    if check.agreement < min_agreement:
        agree = f"{check.agreement:.4f} of them get Keras' class"
        reasons.append(f"{agree} (min_agreement={min_agreement:g})")
    if reasons:
        raise InputError(
            f"{name} is refused: on {check.images} patches {' and '.join(reasons)}; for int8 try a "
            "larger calibration_images, or use precision=float32"
        )


def export_table(rows: Sequence[Exported]) -> str:
    """Return a table of the size, speed and accuracy of each export, for the terminal."""
    titles = ("format", "precision", "size", "images/s", "accuracy", "agreement", "difference")
    cells = [
        (
            *(row.format, row.precision, f"{row.size / 1e6:.1f} MB"),
            *(f"{row.check.images_per_second:.0f}", f"{row.check.accuracy:.4f}"),
            *(f"{row.check.agreement:.4f}", f"{row.check.largest_difference:.2g}"),
        )
        for row in rows
    ]
    return aligned([titles, *cells])
