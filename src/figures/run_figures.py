"""Figures of a training run and its predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image
from sklearn import metrics

from src.statistics.metrics import predicted_labels

# Number of columns in a grid of patches.
COLUMNS = 6


def learning_curves(history: dict[str, list[float]]) -> Figure:
    """Plot loss and accuracy of training and validation against the epoch, which counts from 1.

    Args:
        history: loss, accuracy, val_loss and val_accuracy, with one value for each epoch.
    """
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
    """Draw the counts of true against predicted classes.

    Args:
        predictions: a prediction table.
        classes: class names by label.
    """
    figure = Figure(figsize=(4.5, 4), layout="constrained")
    metrics.ConfusionMatrixDisplay.from_predictions(
        predictions.label,
        predicted_labels(predictions),
        labels=range(len(classes)),
        display_labels=list(classes),
        cmap="Blues",
        colorbar=False,
        ax=figure.subplots(),
    )
    return figure


def roc_and_precision_recall(predictions: pd.DataFrame) -> Figure:
    """Plot the ROC curve and the precision-recall curve of the Positive class.

    Images of one class have no such curves; the figure then says so.

    Args:
        predictions: a prediction table.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    label, score = predictions.label, predictions.logit
    if label.nunique() < 2:
        figure.text(0.5, 0.5, "All images have the same label.", ha="center", va="center")
        return figure
    left, right = figure.subplots(1, 2)
    metrics.RocCurveDisplay.from_predictions(label, score, ax=left)
    metrics.PrecisionRecallDisplay.from_predictions(label, score, ax=right)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure


def reliability_diagram(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Plot accuracy against confidence; calibrated probabilities lie on the diagonal.

    Args:
        curves: tables from `src.statistics.calibration.reliability`, by name.
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
    """Draw patches with their predictions: wrong ones first, then the least certain.

    Args:
        predictions: a prediction table.
        images: the folder that its paths are relative to.
        classes: class names by label.
        count: largest number of patches.
    """
    shown = predictions.sort_values(["correct", "loss"], ascending=[True, False]).head(count)
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
        patches: patches (size, size, 3) uint8 of one size. The sequence may be empty.
        titles: one title for each patch, of up to two lines.
        colours: colours of the titles; None means black.
    """
    drawn = [np.asarray(patch) for patch in patches]
    size = len(drawn[0]) if drawn else 1
    columns = max(1, min(COLUMNS, len(drawn)))
    rows = max(1, -(-len(drawn) // columns))
    width, height = size * 21 // 20, size * 6 // 5
    # All patches form one picture, because Matplotlib takes 3 times as long with axes for each.
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
