"""A figure of a run's metrics by source."""

import pandas as pd
from matplotlib.figure import Figure

from src.statistics.source_metrics import WITH_INTERVAL


def source_figure(table: pd.DataFrame) -> Figure:
    """Plot metrics of the test images by source, with their 95 % intervals over groups.

    Args:
        table: see `src.statistics.source_metrics.source_table`. A source may lack a metric.
    """
    figure = Figure(figsize=(11, 1.2 + 0.4 * len(table)), layout="constrained")
    places = range(len(table))
    for axes, (name, title) in zip(
        figure.subplots(1, 4, sharey=True), WITH_INTERVAL.items(), strict=True
    ):
        columns = [name, f"{name}_low", f"{name}_high"]
        value, low, high = table.reindex(columns=columns).to_numpy(float).T
        axes.hlines(places, low, high, color="C0", alpha=0.6)
        axes.plot(value, places, "o", color="C0")
        axes.set(title=title, xlim=(-0.02, 1.02), yticks=places, yticklabels=table.source)
        axes.grid(alpha=0.3)
    return figure
