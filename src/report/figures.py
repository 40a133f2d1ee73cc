"""Figures of a training run and its predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from sklearn import metrics

from src.report.metrics import predicted_labels

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
        curves: by name, what `src.report.calibration.reliability` returns.
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
    return patch_grid([images / path for path in shown.path], titles, colours)


def patch_grid(
    paths: Sequence[Path], titles: Sequence[str], colours: Sequence[str] | None = None
) -> Figure:
    """Draw patches in rows of `COLUMNS`.

    Args:
        paths: of the images.
        titles: one a patch.
        colours: of the titles; None draws all in black.
    """
    figure, cells = grid_of_cells(len(paths))
    for axes, path, title in zip(cells, paths, titles, strict=False):
        axes.imshow(Image.open(path))
        axes.set_title(title, fontsize=8)
    for axes, colour in zip(cells, colours or (), strict=False):
        axes.title.set_color(colour)
    return figure


def grid_of_cells(count: int) -> tuple[Figure, Sequence[Axes]]:
    """An empty figure with at least `count` cells, and at least one, in rows of `COLUMNS`."""
    columns = max(1, min(COLUMNS, count))
    rows = max(1, -(-count // columns))
    height = 2.4 * rows
    figure = Figure(figsize=(2 * columns, height))
    # Two lines of a title above each; to have a layout found takes longer than all the rest.
    figure.subplots_adjust(0.01, 0.01, 0.99, 1 - 0.4 / height, wspace=0.05, hspace=0.22)
    cells = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for axes in cells:
        axes.axis("off")
    return figure, list(cells)
