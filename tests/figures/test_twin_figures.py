"""Figures of the audit show what was found."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.data.related.twins import TURNS
from src.figures.twin_figures import best_correlations, correlation_histogram, twin_gallery

CLASSES = ("Negative", "Positive")


@pytest.mark.slow
def test_each_image_is_in_one_bin_of_each_kind_even_at_the_ends() -> None:
    best = np.tile(np.float32([-0.5, 0, 0.5, 0.98, 1, 1.0000001]), (len(TURNS), 1))
    counts = best_correlations(best, bins=50)
    assert (counts.groupby("kind").images.sum() == 6).all()
    bins = counts[counts.kind == "mirrored"]
    assert bins.images.iloc[[0, -1]].tolist() == [2, 2]
    for value in (0.5, 0.98):
        assert bins.images[(bins.low <= value) & (value <= bins.high)].sum() == 1
    file = io.BytesIO()
    figure = correlation_histogram(counts, 0.98)
    figure.savefig(file)
    assert [axes.get_title() for axes in figure.axes] == list(TURNS)


def test_the_gallery_draws_each_kind_there_is(patches: tuple[Path, pd.DataFrame]) -> None:
    images, listing = patches
    pairs = pd.DataFrame(
        [(0, 1, "identical", 1.0), (0, 2, "mirrored", 0.99), (1, 3, "mirrored", 0.985)],
        columns=["left", "right", "kind", "correlation"],
    )
    figure = twin_gallery(pairs, listing, images, CLASSES, per_kind=3, seed=0)
    drawn = [axes.get_title() for axes in figure.axes if axes.get_images()]
    assert len(drawn) == 6
    assert drawn[:2] == ["identical\nNegative", "1.0000\nNegative"]
    assert sorted(drawn[3::2]) == ["0.9850\nNegative", "0.9900\nNegative"]
    figure.savefig(io.BytesIO())


def test_a_gallery_of_nothing_says_so(patches: tuple[Path, pd.DataFrame]) -> None:
    images, listing = patches
    none = pd.DataFrame(columns=["left", "right", "kind", "correlation"])
    figure = twin_gallery(none, listing, images, CLASSES, per_kind=2, seed=0)
    assert figure.get_suptitle() == "no twins"
