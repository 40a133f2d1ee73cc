"""Figures of a sweep: its metrics against what it varies, and the curves of all its runs."""

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

# Above this ratio of largest to smallest value an axis is logarithmic.
WIDE = 20
# Above this many values of a setting they were drawn at random, and a mean of each says nothing.
FEW_VALUES = 12
# Losses below this are shaded alike.
LEAST = 1e-9
# Above this many curves a legend covers more than it tells.
NAMED_CURVES = 16


def against(runs: pd.DataFrame, key: str, label: str) -> Figure:
    """Loss and accuracy against one swept setting: a point a run, their mean and their spread.

    Args:
        runs: a row a run: column `key`, and of `validation` and `test`, as in `validation.loss`,
            loss, accuracy, accuracy_low and accuracy_high (its 95 % interval).
        key: the setting, of numbers or of names.
        label: how the axis is called.
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
    """Mean validation loss over two swept settings: a cell a pair, or points where pairs lack.

    Args:
        runs: a row a run: the two settings and `validation.loss`.
        keys: the settings, of numbers or of names: downwards and across.
        labels: how their axes are called.
    """
    figure = Figure(figsize=(6.5, 5), layout="constrained")
    axes = figure.subplots()
    down, across = keys
    cells = runs.pivot_table("validation.loss", down, across, aggfunc="mean")
    losses = cells.to_numpy()
    # A loss may be 0, which has no logarithm.
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
    """Validation loss against the epoch (from 1), all runs in one picture, the best one bold.

    Args:
        curves: the run's name, and one loss an epoch; the best run first.
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
    """Where values stand on an axis: numbers as they are, names one after the other."""
    if is_numeric_dtype(values):
        return values
    return pd.Series(pd.factorize(values, sort=True)[0], index=values.index)


def _scale(axes: Axes, which: Literal["x", "y"], values: pd.Series) -> None:
    if not is_numeric_dtype(values):
        names = sorted(values.unique())
        axes.set(**{f"{which}ticks": range(len(names)), f"{which}ticklabels": names})
    elif values.min() > 0 and values.max() / values.min() > WIDE:
        axes.set(**{f"{which}scale": "log"})
