"""Listings of images that no file stands behind, and what groups them."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

CLASSES = ("Negative", "Positive")


def make_listing(labels: np.ndarray, contents: np.ndarray | None = None) -> pd.DataFrame:
    contents = np.arange(len(labels)) if contents is None else contents
    paths = [f"{CLASSES[label]}/{i:05}.jpg" for i, label in enumerate(labels)]
    return pd.DataFrame(
        {
            "path": paths,
            "label": labels,
            "sha256": [f"{content:064x}" for content in contents],
            "source": "drawn",
            "photo": [f"drawn/{path}" for path in paths],
        }
    )


def make_pairs(*pairs: tuple[int, int, str]) -> pd.DataFrame:
    rows = [(*pair, 1.0) for pair in pairs]
    return pd.DataFrame(rows, columns=["left", "right", "kind", "correlation"])


@st.composite
def grouped(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray]:
    """Images in groups of 1 to 6, most of them of one class, in any order."""
    rng = np.random.default_rng(draw(st.integers(0)))
    sizes = rng.integers(1, draw(st.integers(2, 7)), draw(st.integers(500, 700)))
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    of_group = rng.random(len(sizes)) < draw(st.floats(0.3, 0.7))
    labels = (of_group[groups] ^ (rng.random(len(groups)) < 0.02)).astype(int)
    return make_listing(labels), groups
