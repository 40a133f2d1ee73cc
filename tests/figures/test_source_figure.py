"""The figure by source has a line for each source, and takes metrics that are missing."""

import io

import pandas as pd

from src.figures.source_figure import source_figure
from src.statistics.source_metrics import WITH_INTERVAL


def test_each_source_is_on_a_line_of_its_own():
    known = {"roc_auc": 0.9, "roc_auc_low": 0.8, "roc_auc_high": 0.95, "f1": 0.7}
    table = pd.DataFrame([{"source": "metu", **known}, {"source": "decks", "recall": 0.5}])
    figure = source_figure(table)
    figure.savefig(io.BytesIO())
    assert [axes.get_title() for axes in figure.axes] == list(WITH_INTERVAL.values())
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["metu", "decks"]
