"""Finding images that show the same picture: copies, recompressions, flips and turns."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from src.errors import InputError

IDENTICAL = "identical"
# The symmetries of the square, on stacks (n, size, size).
TURNS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "unflipped": lambda images: images,
    "mirrored": lambda images: images[:, :, ::-1],
    "upside down": lambda images: images[:, ::-1],
    "turned 180°": lambda images: images[:, ::-1, ::-1],
    "turned 90° left": lambda images: np.rot90(images, 1, (1, 2)),
    "turned 90° right": lambda images: np.rot90(images, -1, (1, 2)),
    "transposed": lambda images: np.swapaxes(images, 1, 2),
    "anti-transposed": lambda images: np.swapaxes(images, 1, 2)[:, ::-1, ::-1],
}
BLOCK = 2048  # images by images compared in one matrix product: 16 MiB
MOST_PAIRS = 10_000_000  # a quarter of a gigabyte


@dataclass(frozen=True)
class Twins:
    """What `find_twins` found.

    Attributes:
        pairs: `left` < `right` (int64, rows of the listing), `kind` (str: `IDENTICAL`, or how the
            right picture is turned to give the left one, a key of `TURNS`) and `correlation`
            (float32). Copies are paired with their first image alone, and only first images are
            compared. A picture that is its own mirror image makes pairs of several kinds.
        best: (kinds, images compared) float32, in `TURNS`' order: each image's highest correlation
            with any other.
        flat: how many images were too flat to be compared.
    """

    pairs: pd.DataFrame
    best: np.ndarray
    flat: int


def find_twins(
    listing: pd.DataFrame, images: Path, *, size: int, threshold: float, min_contrast: float
) -> Twins:
    """Find byte duplicates by hash, and other twins by the correlation of small grey thumbnails.

    Args:
        listing: one row an image, with at least `path` and `sha256`.
        images: the folder that its paths are relative to.
        size: of the thumbnails, in pixels.
        threshold: the correlation above which two images are twins, 0..1.
        min_contrast: see `normalised`.

    Raises:
        InputError: an image can't be read, or there are too many pairs to hold.
    """
    copies = byte_duplicates(listing)
    first = np.setdiff1d(np.arange(len(listing)), copies.right)
    vectors = normalised(
        thumbnails([images / path for path in listing.path.iloc[first]], size), min_contrast
    )
    pairs, best = correlate(vectors, threshold=threshold)
    pairs[["left", "right"]] = first[pairs[["left", "right"]]]
    flat = int((~vectors.any(axis=(1, 2))).sum())
    return Twins(pd.concat([copies, pairs], ignore_index=True), best, flat)


def byte_duplicates(listing: pd.DataFrame) -> pd.DataFrame:
    """Pairs, as in `Twins`, of each further copy with the first image of the same `sha256`."""
    row = pd.Series(np.arange(len(listing)))
    left = row.groupby(listing.sha256.to_numpy()).transform("first")
    pairs = pd.DataFrame({"left": left, "right": row, "kind": IDENTICAL})
    return pairs.assign(correlation=np.float32(1))[left < row].reset_index(drop=True)


def thumbnails(paths: Sequence[Path], size: int) -> np.ndarray:
    """Images averaged down to (n, size, size) float32 grey levels, 0..255.

    They are not rounded to whole levels: that would hide the twins of flat images.

    Raises:
        InputError: an image can't be read; it names the file.
    """
    small = np.empty((len(paths), size, size), np.float32)
    with ThreadPoolExecutor() as pool:
        made = pool.map(partial(_thumbnail, size=size), paths)
        for row, image in enumerate(tqdm(made, "thumbnails", len(paths), unit="image")):
            small[row] = image
    return small


def normalised(small: np.ndarray, min_contrast: float) -> np.ndarray:
    """Thumbnails of mean 0 and norm 1, whose inner products are correlations.

    Those of a standard deviation under `min_contrast` grey levels become 0 and correlate with
    nothing: what is left of such a picture is the slope of the light and the rounding of JPEG, and
    these two agree by chance.
    """
    centred = small - small.mean(axis=(1, 2), keepdims=True)
    contrast = centred.std(axis=(1, 2), keepdims=True)
    least = max(min_contrast, 1e-3)  # rounding gives an image of one grey some contrast
    norm = np.where(contrast < least, np.inf, contrast * small.shape[1])
    return centred / norm.astype(np.float32)


def correlate(vectors: np.ndarray, *, threshold: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Compare every two images under the eight symmetries of the square.

    Turning the right image by g correlates as turning the left one by the inverse of g, so each
    two are compared in one order only.

    Args:
        vectors: (n, size, size) float32, see `normalised`.
        threshold: the correlation above which two images are twins.

    Returns:
        `Twins.pairs`, of rows of `vectors`, and `Twins.best`.

    Raises:
        InputError: there are more than `MOST_PAIRS` pairs.
    """
    best = np.full((len(TURNS), len(vectors)), -1, np.float32)
    steps = range(0, len(vectors), BLOCK)
    blocks = [(slice(i, i + BLOCK), slice(j, j + BLOCK)) for i in steps for j in steps if i <= j]
    found, count = [], 0
    upright = vectors.reshape(len(vectors), -1)
    with tqdm(desc="comparing", total=len(TURNS) * len(blocks), unit="block") as bar:
        for (kind, turn), best_of_kind in zip(TURNS.items(), best, strict=True):
            turned = np.ascontiguousarray(turn(vectors)).reshape(upright.shape)
            for rows, columns in blocks:
                pairs = _compare(upright, turned, rows, columns, best_of_kind, threshold)
                found.append(pairs.assign(kind=kind))
                count += len(pairs)
                if count > MOST_PAIRS:
                    raise InputError(
                        f"more than {MOST_PAIRS:,} pairs of images correlate above {threshold:g}: "
                        "raise audit.threshold or audit.min_contrast"
                    )
                bar.update()
    return pd.concat(found, ignore_index=True)[["left", "right", "kind", "correlation"]], best


def _compare(
    upright: np.ndarray,
    turned: np.ndarray,
    rows: slice,
    columns: slice,
    best: np.ndarray,
    threshold: float,
) -> pd.DataFrame:
    """Pairs of one block; raises `best` (n,) where its images come closer."""
    correlation = upright[rows] @ turned[columns].T
    if rows == columns:
        correlation[np.tri(len(correlation), dtype=bool)] = -1
    nearest = correlation.max(axis=1)
    best[rows] = np.maximum(best[rows], nearest)
    best[columns] = np.maximum(best[columns], correlation.max(axis=0))
    near = np.flatnonzero(nearest > threshold)
    left, right = np.nonzero(correlation[near] > threshold)
    return pd.DataFrame(
        {
            "left": rows.start + near[left],
            "right": columns.start + right,
            "correlation": np.minimum(correlation[near[left], right], 1),
        }
    )


def read_grey(path: Path) -> np.ndarray:
    """An image as (height, width) float32 grey levels, 0..255.

    Raises:
        InputError: it can't be read; the file is named.
    """
    # Pixels as they are stored: the rest of the project ignores EXIF's orientation too.
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise InputError(f"{path} can't be read as an image; run the fetch stage again")
    return image.astype(np.float32)


def _thumbnail(path: Path, size: int) -> np.ndarray:
    return cv2.resize(read_grey(path), (size, size), interpolation=cv2.INTER_AREA)
