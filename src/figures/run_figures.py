"""Figures of a training run and its predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image
from sklearn import metrics

from src.statistics.metrics import predicted_labels

# Of a grid of patches.
COLUMNS = 6


def learning_curves(history: dict[str, list[float]]) -> Figure:
    """Loss and accuracy of train and validation against the epoch (from 1)."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    epochs = range(1, len(history["loss"]) + 1)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, history[name], marker="o", label="train")
        axes.plot(epochs, history[f"val_{name}"], marker="o", label="validation")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def confusion_matrix(predictions: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Counts of true against predicted classes."""
    figure = Figure(figsize=(4.5, 4), layout="constrained")
    metrics.ConfusionMatrixDisplay.from_predictions(
        predictions.label,
        predicted_labels(predictions),
        display_labels=list(classes),
        cmap="Blues",
        colorbar=False,
        ax=figure.subplots(),
    )
    return figure


def roc_and_precision_recall(predictions: pd.DataFrame) -> Figure:
    """The ROC and the precision-recall curve of the Positive class."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    label, probability = predictions.label, predictions.probability
    metrics.RocCurveDisplay.from_predictions(label, probability, ax=left)
    metrics.PrecisionRecallDisplay.from_predictions(label, probability, ax=right)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure


def reliability_diagram(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Accuracy against confidence; on the diagonal, a probability means what it says.

    Args:
        curves: by name, what `src.statistics.calibration.reliability` returns.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0.5, 1], [0.5, 1], color="grey", linestyle="--", label="calibrated")
    for number, (name, table) in enumerate(curves.items()):
        left.plot(table.confidence, table.accuracy, marker="o", label=name)
        offset = (number - len(curves) / 2 + 0.5) * 0.008
        right.bar(table.confidence + offset, table.images, width=0.008, label=name)
    left.set(xlabel="confidence", ylabel="accuracy")
    right.set(xlabel="confidence", ylabel="images", yscale="log")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def prediction_grid(
    predictions: pd.DataFrame, images: Path, classes: Sequence[str], count: int
) -> Figure:
    """`count` patches with what was predicted: wrong ones first, then the least certain.

    Args:
        predictions: a prediction table.
        images: the folder that its paths are relative to.
        classes: names by label.
        count: how many patches.
    """
    shown = predictions.sort_values("loss", ascending=False).head(count)
    drawn = shown[["label", "probability", "correct"]].itertuples(index=False, name=None)
    titles = []
    for label, probability, correct in drawn:
        predicted = label if correct else 1 - label
        certainty = probability if predicted else 1 - probability
        titles.append(f"{classes[predicted]} {certainty:.3f}\ntruly {classes[label]}")
    colours = ["black" if correct else "crimson" for correct in shown.correct]
    return patch_grid(
        [Image.open(images / path, formats=("JPEG",)) for path in shown.path], titles, colours
    )


def patch_grid(
    patches: Sequence[np.ndarray | Image.Image],
    titles: Sequence[str],
    colours: Sequence[str] | None = None,
) -> Figure:
    """Draw patches in rows of `COLUMNS`.

    Args:
        patches: of one size (size, size, 3), uint8; may be none.
        titles: one a patch, of up to two lines.
        colours: of the titles; None draws all in black.
    """
    drawn = [np.asarray(patch) for patch in patches]
    size = len(drawn[0]) if drawn else 1
    columns = max(1, min(COLUMNS, len(drawn)))
    rows = max(1, -(-len(drawn) // columns))
    width, height = size * 21 // 20, size * 6 // 5
    # One picture: axes of its own for each patch take Matplotlib three times as long.
    picture = np.full((rows * height, columns * width, 3), 255, np.uint8)
    figure = Figure(figsize=(2 * columns, 2 * rows * height / width))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    colours = colours or ["black"] * len(drawn)
    for place, (patch, title, colour) in enumerate(zip(drawn, titles, colours, strict=True)):
        row, column = divmod(place, columns)
        top, left = (row + 1) * height - size, column * width
        picture[top : top + size, left : left + size] = patch
        axes.text(left + size / 2, top, title, size=8, color=colour, ha="center", va="bottom")
    axes.imshow(picture)
    return figure
