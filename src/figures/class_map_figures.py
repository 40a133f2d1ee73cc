"""Figures that explain predictions: patches overlaid with their class maps."""

from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from src.figures.run_figures import patch_grid
from src.model.class_map import CELL

OPACITY = 0.55
COLOURS = colormaps["autumn_r"]


def class_map_grid(
    patches: np.ndarray, maps: np.ndarray, titles: Sequence[str], first: float
) -> Figure:
    """Draw each patch with the places that indicate a crack in colour.

    Args:
        patches: (n, size, size, 3) uint8.
        maps: (n, rows, columns) float32, see `src.model.class_map.class_maps`.
        titles: one title for each patch.
        first: see `heat_of`.
    """
    blended: list[np.ndarray] = []
    for patch, evidence in zip(patches, maps, strict=True):
        heat = heat_of(evidence, len(patch), first)
        weight = OPACITY * np.sqrt(heat)[..., None]
        coloured = (1 - weight) * patch + weight * 255 * COLOURS(heat)[..., :3]
        blended.append(np.rint(coloured).astype(np.uint8))
    return patch_grid(blended, titles)


def heat_of(evidence: np.ndarray, size: int, first: float) -> np.ndarray:
    """Scale a class map up to the size of its patch, relative to its highest value.

    Values between the centres of two cells are interpolated linearly.

    Args:
        evidence: (rows, columns) float32, one class map. Negative values count as 0.
        size: height and width of the patch in pixels.
        first: the pixel on which the first cell is centred, see `src.model.class_map.Grid`.

    Returns:
        (size, size) float32, from 0 to 1.
    """
    shift = -first / CELL
    spread = cv2.warpAffine(
        np.maximum(evidence, 0).astype(np.float32),
        np.array([[1 / CELL, 0, shift], [0, 1 / CELL, shift]]),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(spread / max(float(spread.max()), 1e-6))
