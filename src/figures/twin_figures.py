"""Figures of the audit: how clearly twins stand out, and what they look like."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from src.data.related.twins import IDENTICAL, TURNS

CLOSEST = 1e-5  # the smallest difference from a correlation of 1 that has its own bin


def best_correlations(best: np.ndarray, bins: int) -> pd.DataFrame:
    """Count the images by kind of twin and highest correlation.

    Args:
        best: (kinds, n) float32, see `Twins.best`.
        bins: number of bins between the correlations 0 and 1. They are equally wide in the
            logarithm of 1 - correlation.

    Returns:
        A table with the columns `kind`, `low` and `high` (the bounds of the bin) and `images`. The
        first bin also counts all correlations below its lower bound.
    """
    edges = np.geomspace(1, CLOSEST, bins + 1)
    tables = []
    for kind, correlations in zip(TURNS, best, strict=True):
        difference = np.clip(1 - correlations, edges[-1], edges[0])
        counts = np.histogram(difference, edges[::-1])[0][::-1]
        columns = {"low": 1 - edges[:-1], "high": 1 - edges[1:], "images": counts}
        tables.append(pd.DataFrame({"kind": kind, **columns}))
    return pd.concat(tables, ignore_index=True)


def correlation_histogram(counts: pd.DataFrame, threshold: float) -> Figure:
    """Draw histograms of the images' highest correlations, one for each kind of twin.

    Args:
        counts: a table from `best_correlations`.
        threshold: the correlation above which two images are twins, 0 to 1.
    """
    figure = Figure(figsize=(10, 10), layout="constrained")
    rows = figure.subplots(len(TURNS) // 2, 2, sharex=True, sharey=True)
    for axes, kind in zip(rows.ravel(), TURNS, strict=True):
        bars = counts[counts.kind == kind]
        axes.stairs(bars.images, 1 - np.append(bars.low, bars.high.iloc[-1]), fill=True)
        axes.axvline(1 - threshold, color="crimson", label=f"threshold {threshold:g}")
        axes.set(xscale="log", yscale="log", xlim=(1, CLOSEST), ylim=(0.7, None), title=kind)
        axes.grid(alpha=0.3)
    rows[0, 0].legend()
    figure.supxlabel("1 − highest correlation with another image")
    figure.supylabel("images")
    return figure


def twin_gallery(
    pairs: pd.DataFrame,
    listing: pd.DataFrame,
    images: Path,
    classes: Sequence[str],
    *,
    per_kind: int,
    seed: int,
) -> Figure:
    """Draw pairs of twins, with one row for each kind of twin and each image's class as its title.

    Args:
        pairs: see `Twins.pairs`.
        listing: one row for each image; `pairs` refers to its rows.
        images: the folder that its paths are relative to.
        classes: class names by label.
        per_kind: largest number of pairs of each kind.
        seed: seed of the choice of pairs.
    """
    kinds = [kind for kind in (IDENTICAL, *TURNS) if (pairs.kind == kind).any()]
    rows = max(len(kinds), 1)
    figure = Figure(figsize=(3 * per_kind, 1.8 * rows), layout="constrained")
    cells = figure.subplots(rows, 2 * per_kind, squeeze=False)
    for axes in cells.ravel():
        axes.axis("off")
    if not kinds:
        figure.suptitle("no twins")
    for row, kind in zip(cells, kinds, strict=False):
        of_kind = pairs[pairs.kind == kind]
        drawn = of_kind.sample(min(per_kind, len(of_kind)), random_state=seed)
        rows_drawn = drawn[["left", "right"]].to_numpy()
        titles = [(kind, f"{correlation:.4f}") for correlation in drawn.correlation]
        for axes, image, title in zip(row, rows_drawn.ravel(), np.ravel(titles), strict=False):
            path, label = listing.path.iloc[image], listing.label.iloc[image]
            axes.imshow(Image.open(images / path, formats=("JPEG",)))
            axes.set_title(f"{title}\n{classes[label]}", fontsize=8)
    return figure
