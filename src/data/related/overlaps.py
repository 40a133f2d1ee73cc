"""Finding images that show the same spot in part, as shifted and flipped crops of one photo do."""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from src.config.schema import OverlapSearch
from src.data.image_files import listed_images
from src.data.related.landmarks import Landmarks, match_landmarks, read_landmarks
from src.data.related.twins import TURNS, byte_duplicates

THUMBNAIL = 4  # size of an image relative to the thumbnail that overlaps are checked on
BATCH = 100_000  # pairs of landmarks whose windows are compared at once, 25 MiB for each turn

COLUMNS = {  # the columns of `Overlaps.pairs` and their types
    "left": "int64",
    "right": "int64",
    "kind": "str",
    "down": "int64",
    "across": "int64",
    "share": "float32",
    "correlation": "float32",
}


def _way_back(kind: str) -> np.ndarray:
    """Return the matrix (2, 2) float64 that maps points of a turned image back to the image.

    Points are (y, x) in pixels from the centre.
    """
    origin, right, down, _ = TURNS[kind](np.indices((2, 2))).reshape(2, 4).T
    return np.stack([down - origin, right - origin], axis=1).astype(float)


BACK = {kind: _way_back(kind) for kind in TURNS}


@dataclass(frozen=True)
class Overlaps:
    """The result of `find_overlaps`.

    Two images form at most one pair. Of several identical images only the first is compared.

    Attributes:
        pairs: a table with one row for each pair of overlapping images and these columns:

            - left, right: int64, the rows of the two images in the listing, left < right.
            - kind: str, a key of `TURNS`, which says how the right image is turned to overlap the
              left one.
            - down, across: int64, how many pixels the turned right image then lies below the left
              one and to the right of it.
            - share: float32, the share of an image's area that both images show.
            - correlation: float32, the correlation of the area that both images show.
        best: (kinds, compared images) float32, with the kinds in the order of `TURNS`. It holds
            each image's highest correlation with an image that has a matching landmark, or 0 if
            there is none.
    """

    pairs: pd.DataFrame
    best: np.ndarray


def find_overlaps(
    listing: pd.DataFrame, images: Path, search: OverlapSearch, *, size: int
) -> Overlaps:
    """Find overlapping crops by their matching landmarks and the correlation of the overlap.

    Args:
        listing: one row for each image, with at least `path` and `sha256`.
        images: the folder that its paths are relative to.
        search: the parameters of the search; see conf/audit/twins.yaml.
        size: height and width of every image in pixels.

    Raises:
        InputError: an image cannot be read, or too many landmarks agree.
    """
    first = np.setdiff1d(np.arange(len(listing)), byte_duplicates(listing).right)
    landmarks, small = read_landmarks(
        listed_images(listing.iloc[first], images),
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
    """Return `Overlaps.pairs` without any rows."""
    return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)


def locate(landmarks: Landmarks, pairs: np.ndarray) -> pd.DataFrame:
    """Compute the relative position of two images from each pair of matching landmarks.

    Args:
        landmarks: the landmarks of all images.
        pairs: (k, 2) int64, the pairs of landmarks from `match_landmarks`.

    Returns:
        A table with the columns `left`, `right`, `kind`, `down` and `across` of `Overlaps.pairs`.
        Each position occurs once.
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
    """Compute share and correlation of the overlaps, and keep the best position of each pair.

    Args:
        located: see `locate`.
        small: (n, thumbnail, thumbnail) float16, see `read_landmarks`.
        size: height and width of the full images in pixels.

    Returns:
        A table with the columns of `Overlaps.pairs`.
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
    """Compute the correlation of the area that two images show both.

    Args:
        left: (side, side), the image that stays in place.
        right: (side, side), the image that is turned and then moved.
        back: (2, 2), the matrix that maps points of the turned image back to `right`, see `BACK`.
        down: how far the turned image is moved down, in pixels; need not be whole.
        across: how far the turned image is moved to the right, in pixels; need not be whole.

    Returns:
        The correlation, or 0 if the area is empty or flat in one of the images.
    """
    side = len(left)
    centre = (side - 1) / 2
    # OpenCV takes x before y.
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
