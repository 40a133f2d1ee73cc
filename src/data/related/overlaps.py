"""Finding images that show the same spot in part: crops of one photograph, shifted and flipped."""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from src.config.schema import OverlapSearch
from src.data.related.landmarks import Landmarks, match_landmarks, read_landmarks
from src.data.related.twins import TURNS, byte_duplicates

THUMBNAIL = 4  # pixels of an image for each of the thumbnail on which an overlap is checked
BATCH = 100_000  # pairs of landmarks whose windows are compared at once: 25 MiB a turn

COLUMNS = {  # of `Overlaps.pairs`
    "left": "int64",
    "right": "int64",
    "kind": "str",
    "down": "int64",
    "across": "int64",
    "share": "float32",
    "correlation": "float32",
}


def _way_back(kind: str) -> np.ndarray:
    """(2, 2) float64: takes a (y, x) of the turned image, from its centre, back to the image."""
    origin, right, down, _ = TURNS[kind](np.indices((2, 2))).reshape(2, 4).T
    return np.stack([down - origin, right - origin], axis=1).astype(float)


BACK = {kind: _way_back(kind) for kind in TURNS}


@dataclass(frozen=True)
class Overlaps:
    """What `find_overlaps` found.

    Attributes:
        pairs: `left` < `right` (int64, rows of the listing), `kind` (str: how the right picture is
            turned to overlap the left one, a key of `TURNS`), `down` and `across` (int64, by how
            many pixels it then lies further down and right than the left one), `share` (float32,
            of an image's area, that both show) and `correlation` (float32, of what both show).
            Each two images once; of identical ones only the first is compared.
        best: (kinds, images compared) float32, in `TURNS`' order: each image's highest correlation
            with one that has some landmark in common; 0 where there is none.
    """

    pairs: pd.DataFrame
    best: np.ndarray


def find_overlaps(
    listing: pd.DataFrame, images: Path, search: OverlapSearch, *, size: int
) -> Overlaps:
    """Find crops that overlap, by landmarks that they share and the correlation of the overlap.

    Args:
        listing: one row an image, with at least `path` and `sha256`.
        images: the folder that its paths are relative to.
        search: how to look for them; see conf/audit/twins.yaml.
        size: height and width of every image, in pixels.

    Raises:
        InputError: an image can't be read, or too many landmarks agree.
    """
    first = np.setdiff1d(np.arange(len(listing)), byte_duplicates(listing).right)
    landmarks, small = read_landmarks(
        [images / path for path in listing.path.iloc[first]],
        thumbnail=size // THUMBNAIL,
        window=search.window,
        spacing=search.spacing,
        min_contrast=search.min_contrast,
    )
    seeming = measure(locate(landmarks, match_landmarks(landmarks, search.tolerance)), small, size)
    best = np.zeros((len(TURNS), len(first)), np.float32)
    for of_kind, kind in zip(best, TURNS, strict=True):
        pairs = seeming[seeming.kind == kind]
        for side in (pairs.left, pairs.right):
            np.maximum.at(of_kind, side, pairs.correlation)
    pairs = seeming[seeming.correlation > search.threshold].reset_index(drop=True)
    pairs[["left", "right"]] = first[pairs[["left", "right"]]]
    return Overlaps(pairs, best)


def no_overlaps() -> pd.DataFrame:
    """`Overlaps.pairs` without any."""
    return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)


def locate(landmarks: Landmarks, pairs: np.ndarray) -> pd.DataFrame:
    """How images must lie to each other for two landmarks to be the same spot.

    Args:
        landmarks: of all images.
        pairs: (k, 2) landmarks that agree, see `match_landmarks`; the first is the earlier one.

    Returns:
        `left`, `right`, `kind`, `down` and `across` as in `Overlaps.pairs`, each position once.
    """
    batches = [pairs[start : start + BATCH] for start in range(0, max(len(pairs), 1), BATCH)]
    located = pd.concat([_locate(landmarks, batch) for batch in batches])
    return located.drop_duplicates(ignore_index=True)


def _locate(landmarks: Landmarks, pairs: np.ndarray) -> pd.DataFrame:
    left, right = pairs.T
    one, other = landmarks.window[left], landmarks.window[right]
    apart = [np.square(one - turn(other)).sum(axis=(1, 2)) for turn in TURNS.values()]
    turn = np.argmin(apart, axis=0)
    there = np.linalg.inv(np.stack(list(BACK.values())))[turn]
    turned = np.einsum("nij,nj->ni", there, landmarks.point[right])
    down, across = np.rint(landmarks.point[left] - turned).astype(np.int64).T
    where = {"kind": np.array(list(BACK))[turn], "down": down, "across": across}
    rows = {"left": landmarks.image[left], "right": landmarks.image[right]}
    return pd.DataFrame({**rows, **where}).drop_duplicates()


def measure(located: pd.DataFrame, small: np.ndarray, size: int) -> pd.DataFrame:
    """Add `share` and `correlation`, see `Overlaps.pairs`; of each two images the best position.

    Args:
        located: see `locate`.
        small: (n, thumbnail, thumbnail), see `read_landmarks`.
        size: height and width, in pixels, of the images that the thumbnails are of.
    """
    scale = small.shape[1] / size
    columns = (located[name] for name in ("left", "right", "kind", "down", "across"))
    correlation = [
        overlap_correlation(small[left], small[right], BACK[kind], scale * down, scale * across)
        for left, right, kind, down, across in tqdm(
            zip(*columns, strict=True), "overlaps", len(located), unit="pair"
        )
    ]
    left_over = (1 - located[["down", "across"]].abs() / size).clip(lower=0)
    measured = located.assign(
        share=left_over.prod(axis=1).astype(np.float32),
        correlation=np.array(correlation, np.float32),
    )
    best_first = measured.sort_values("correlation", ascending=False, kind="stable")
    best = best_first.drop_duplicates(["left", "right"])
    return best.sort_values(["left", "right"], ignore_index=True)


def overlap_correlation(
    left: np.ndarray, right: np.ndarray, back: np.ndarray, down: float, across: float
) -> float:
    """Correlation of what two images (side, side) both show; 0 where that is nothing or flat.

    Args:
        left: it stays where it is.
        right: it is turned, then moved.
        back: how a (y, x) of the turned one, from its centre, lies in `right`.
        down: how far it is moved, in pixels, not always whole ones.
        across: likewise.
    """
    side = len(left)
    centre = (side - 1) / 2
    # OpenCV has x before y.
    turn = back[::-1, ::-1]
    start = centre - turn @ (centre + np.array([across, down]))
    moved = cv2.warpAffine(
        right.astype(np.float32),
        np.column_stack([turn, start]),
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    rows, columns = (
        slice(math.ceil(max(0, shift)), max(0, math.floor(side + min(0, shift))))
        for shift in (down, across)
    )
    one, other = left[rows, columns].astype(np.float32), moved[rows, columns]
    if one.size < 2 or min(one.std(), other.std()) < 1e-3:
        return 0.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
