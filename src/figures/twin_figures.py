"""Figures of the audit: how far twins stand out, and what they look like."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from src.data.related.twins import IDENTICAL, TURNS

CLOSEST = 1e-5  # the least difference from a correlation of 1 that is told apart


def best_correlations(best: np.ndarray, bins: int) -> pd.DataFrame:
    """Count the images by kind of twin and highest correlation.

    Args:
        best: (kinds, n), see `Twins.best`.
        bins: how many between a correlation of 0 and 1, even in the logarithm of 1 - correlation.

    Returns:
        `kind`, `low` and `high` (the bin's bounds; the first one holds all below) and `images`.
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
    """Draw `best_correlations`, with the threshold above which two images are twins."""
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
    """Draw `per_kind` pairs of each kind of twin, a row a kind, each image under its class.

    Args:
        pairs: see `Twins.pairs`.
        listing: the images that the pairs are rows of.
        images: the folder that its paths are relative to.
        classes: names by label.
        per_kind: how many pairs at most.
        seed: which pairs are drawn.
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
