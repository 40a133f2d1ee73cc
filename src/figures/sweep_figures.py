"""Figures of a sweep: its metrics against the swept settings, and the curves of all its runs."""

from collections.abc import Sequence
from typing import Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pandas.api.types import is_numeric_dtype

# An axis is logarithmic if the ratio of its largest to its smallest value exceeds this.
WIDE = 20
# A setting with more values than this was drawn at random, and a mean for each value is useless.
FEW_VALUES = 12
# All losses below this have the same colour.
LEAST = 1e-9
# A legend with more curves than this would cover too much of the figure.
NAMED_CURVES = 16


def against(runs: pd.DataFrame, key: str, label: str) -> Figure:
    """Plot loss and accuracy against one swept setting.

    Each run is a point. A line shows the mean of the runs with the same value, and a band their
    spread.

    Args:
        runs: one row for each run, with the column `key`. For both validation and test it has the
            columns loss, accuracy, accuracy_low and accuracy_high, as in `validation.loss`. The
            last two are the 95 % interval.
        key: name of the setting, whose values are numbers or names.
        label: label of the axis.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    places = _places(runs[key])
    for number, part in enumerate(("validation", "test")):
        colour = f"C{number}"
        loss, accuracy = runs[f"{part}.loss"], runs[f"{part}.accuracy"]
        interval = (
            accuracy - runs[f"{part}.accuracy_low"],
            runs[f"{part}.accuracy_high"] - accuracy,
        )
        points = {"fmt": "o", "ms": 4, "color": colour, "alpha": 0.6}
        left.errorbar(places, loss, label=part, **points)
        right.errorbar(places, accuracy, interval, lw=0.8, label=part, **points)
        if places.nunique() <= FEW_VALUES:
            for axes, values in ((left, loss), (right, accuracy)):
                spread = values.groupby(places).agg(["min", "mean", "max"])
                axes.plot(spread.index, spread["mean"], color=colour)
                axes.fill_between(
                    spread.index, spread["min"], spread["max"], color=colour, alpha=0.15, lw=0
                )
    for axes, metric in ((left, "loss"), (right, "accuracy")):
        axes.set(xlabel=label, ylabel=metric)
        axes.grid(alpha=0.3)
        axes.legend()
        _scale(axes, "x", runs[key])
    return figure


def heat_map(runs: pd.DataFrame, keys: tuple[str, str], labels: tuple[str, str]) -> Figure:
    """Draw the mean validation loss over two swept settings.

    Each pair of values is a cell. If pairs are missing, each run is a point instead.

    Args:
        runs: one row for each run, with the two settings and `validation.loss`.
        keys: names of the vertical and the horizontal setting. Their values are numbers or names.
        labels: labels of the two axes.
    """
    figure = Figure(figsize=(6.5, 5), layout="constrained")
    axes = figure.subplots()
    down, across = keys
    cells = runs.pivot_table("validation.loss", down, across, aggfunc="mean")
    losses = cells.to_numpy()
    # A loss can be 0, whose logarithm does not exist.
    scale = LogNorm(max(np.nanmin(losses), LEAST), max(np.nanmax(losses), LEAST), clip=True)
    shades = ScalarMappable(scale, "viridis_r")
    if np.isnan(losses).any():
        colours = shades.to_rgba(runs["validation.loss"].to_numpy())
        axes.scatter(_places(runs[across]), _places(runs[down]), c=colours, s=90)
        _scale(axes, "x", runs[across])
        _scale(axes, "y", runs[down])
    else:
        axes.imshow(shades.to_rgba(losses), aspect="auto")
        axes.set_xticks(range(cells.shape[1]), [str(value) for value in cells.columns])
        axes.set_yticks(range(cells.shape[0]), [str(value) for value in cells.index])
        for (row, column), loss in np.ndenumerate(losses):
            colour = "white" if float(scale(loss)) > 0.5 else "black"
            axes.text(column, row, f"{loss:.2g}", ha="center", va="center", color=colour)
    axes.set(xlabel=labels[1], ylabel=labels[0])
    figure.colorbar(shades, ax=axes, label="validation loss")
    return figure


def validation_curves(curves: Sequence[tuple[str, Sequence[float]]]) -> Figure:
    """Plot the validation loss of all runs against the epoch, with the best run as a bold line.

    Args:
        curves: for each run its name and the loss of each epoch, with the best run first.
    """
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.95, len(curves)))
    for rank, (name, losses) in enumerate(curves):
        epochs = range(1, len(losses) + 1)
        width = 1.2 if rank else 3
        axes.plot(epochs, losses, marker=".", lw=width, color=colours[rank], label=name)
    axes.set(xlabel="epoch", ylabel="validation loss", yscale="log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if len(curves) <= NAMED_CURVES:
        figure.legend(loc="outside right upper", fontsize=8)
    return figure


def _places(values: pd.Series) -> pd.Series:
    """Return the values' positions on an axis: numbers unchanged, names as 0, 1, 2 and so on."""
    if is_numeric_dtype(values):
        return values
    return pd.Series(pd.factorize(values, sort=True)[0], index=values.index)


def _scale(axes: Axes, which: Literal["x", "y"], values: pd.Series) -> None:
    if not is_numeric_dtype(values):
        names = sorted(values.unique())
        axes.set(**{f"{which}ticks": range(len(names)), f"{which}ticklabels": names})
    elif values.min() > 0 and values.max() / values.min() > WIDE:
        axes.set(**{f"{which}scale": "log"})
