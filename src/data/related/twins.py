"""Finding twins, which are images that show the same picture: copies, flips and turns."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from src.data.image_files import ImageFile, listed_images, path_of, read_image_file
from src.data.related.similar import refuse_more, similar_pairs
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
BLOCK = 4096  # number of images, or of pairs of them, that are compared at once
SAMPLE = 1000  # number of images that are compared with all others for a histogram
MOST_PAIRS = 10_000_000  # largest number of pairs that is held in memory, a quarter of a gigabyte


@dataclass(frozen=True)
class Twins:
    """The result of `find_twins`.

    Copies are paired only with the first of several identical images, and only first images are
    compared. A picture that is its own mirror image makes pairs of several kinds.

    Attributes:
        pairs: a table with one row for each pair of twins and these columns:

            - left, right: int64, the rows of the two images in the listing, left < right.
            - kind: str, `IDENTICAL` or a key of `TURNS`, which says how the right picture is turned
              to give the left one.
            - correlation: float32, up to 1.
        best: (kinds, m) float32, with the kinds in the order of `TURNS`. It holds the highest
            correlation of each of m images, turned so, with any other image. They are all compared
            images, or a sample of up to `SAMPLE`.
        flat: number of images with too little contrast to be compared.
    """

    pairs: pd.DataFrame
    best: np.ndarray
    flat: int


def find_twins(
    listing: pd.DataFrame, images: Path, *, size: int, threshold: float, min_contrast: float
) -> Twins:
    """Find identical files by their hash, and other twins by the correlation of grey thumbnails.

    Args:
        listing: one row for each image, with at least `path` and `sha256`.
        images: the folder that its paths are relative to.
        size: height and width of the thumbnails in pixels.
        threshold: the correlation above which two images are twins, 0 to 1.
        min_contrast: see `normalised`.

    Raises:
        InputError: an image cannot be read, or there are more than `MOST_PAIRS` pairs.
    """
    copies = byte_duplicates(listing)
    first = np.setdiff1d(np.arange(len(listing)), copies.right)
    vectors = normalised(thumbnails(listed_images(listing.iloc[first], images), size), min_contrast)
    pairs, best = correlate(vectors, threshold=threshold)
    pairs[["left", "right"]] = first[pairs[["left", "right"]]]
    flat = int((~vectors.any(axis=(1, 2))).sum())
    return Twins(pd.concat([copies, pairs], ignore_index=True), best, flat)


def byte_duplicates(listing: pd.DataFrame) -> pd.DataFrame:
    """Pair each further copy with the first image of the same `sha256`; see `Twins.pairs`."""
    row = pd.Series(np.arange(len(listing)))
    left = row.groupby(listing.sha256.to_numpy()).transform("first")
    pairs = pd.DataFrame({"left": left, "right": row, "kind": IDENTICAL})
    return pairs.assign(correlation=np.float32(1))[left < row].reset_index(drop=True)


def thumbnails(files: Sequence[ImageFile], size: int) -> np.ndarray:
    """Read images as thumbnails (n, size, size) float32 of grey levels, 0 to 255.

    The averaged levels are not rounded, because rounding would hide the twins of flat images.

    Raises:
        InputError: an image cannot be read; the message names the file.
    """
    small = np.empty((len(files), size, size), np.float32)
    with ThreadPoolExecutor() as pool:
        made = pool.map(partial(_thumbnail, size=size), files)
        for row, image in enumerate(tqdm(made, "thumbnails", len(files), unit="image")):
            small[row] = image
    return small


def normalised(small: np.ndarray, min_contrast: float) -> np.ndarray:
    """Normalise thumbnails to mean 0 and norm 1, so that their inner products are correlations.

    Flat thumbnails become 0 and correlate with nothing. Such a picture shows little more than the
    slope of the light and JPEG's rounding, which agree by chance.

    Args:
        small: (n, size, size) float32, see `thumbnails`.
        min_contrast: standard deviation in grey levels below which a thumbnail is flat.

    Returns:
        (n, size, size) float32.
    """
    centred = small - small.mean(axis=(1, 2), keepdims=True)
    contrast = centred.std(axis=(1, 2), keepdims=True)
    least = max(min_contrast, 1e-3)  # through rounding, even a uniform image has some contrast
    norm = np.where(contrast < least, np.inf, contrast * small.shape[1])
    centred /= norm.astype(np.float32)
    return centred


def correlate(vectors: np.ndarray, *, threshold: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Find the pairs of images that correlate under any of the eight symmetries of the square.

    Turning the right image by g gives the same correlation as turning the left one by the inverse
    of g. Each pair is therefore compared in one order only.

    Args:
        vectors: (n, size, size) float32 of norm 1 or 0, see `normalised`.
        threshold: the correlation above which two images are twins, 0 to 1.

    Returns:
        `Twins.pairs`, with rows of `vectors` as left and right, and `Twins.best`.

    Raises:
        InputError: there are more than `MOST_PAIRS` pairs.
    """
    rows = np.flatnonzero(vectors.any(axis=(1, 2)))
    likely = rows[similar_pairs(vectors[rows], TURNS, threshold=threshold, most=MOST_PAIRS)]
    found, count = [_no_pairs()], 0
    for start in range(0, len(likely), BLOCK):
        left, right = likely[start : start + BLOCK].T
        found.append(_twins_among(vectors, left, right, threshold))
        count += len(found[-1])
        refuse_more(count, MOST_PAIRS, threshold)
    pairs = pd.concat(found, ignore_index=True)
    return pairs, _best_of_sample(vectors, rows)


def _twins_among(
    vectors: np.ndarray, left: np.ndarray, right: np.ndarray, threshold: float
) -> pd.DataFrame:
    """Compare pairs of images, and return those that are twins; see `Twins.pairs`."""
    one, other = vectors[left], vectors[right]
    tables = []
    for kind, turn in TURNS.items():
        correlation = np.einsum("nij,nij->n", one, turn(other))
        twins = correlation > threshold
        pairs = {"left": left[twins], "right": right[twins], "kind": kind}
        tables.append(pd.DataFrame(pairs).assign(correlation=np.minimum(correlation[twins], 1)))
    return pd.concat(tables).sort_values(["left", "right"], kind="stable")


def _no_pairs() -> pd.DataFrame:
    rows = np.empty(0, np.int64)
    return pd.DataFrame({"left": rows, "right": rows, "kind": "", "correlation": np.float32(0)})


def _best_of_sample(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Compute `Twins.best` of images that are evenly spread over the given rows."""
    chosen = rows[:: max(-(-len(rows) // SAMPLE), 1)]
    best = np.full((len(TURNS), len(chosen)), -1, np.float32)
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK].reshape(-1, vectors[0].size)
        itself = np.flatnonzero((chosen >= start) & (chosen < start + BLOCK))
        for of_kind, turn in zip(best, TURNS.values(), strict=True):
            correlation = turn(vectors[chosen]).reshape(len(chosen), block.shape[1]) @ block.T
            correlation[itself, chosen[itself] - start] = -1
            np.maximum(of_kind, correlation.max(axis=1), out=of_kind)
    return best


def read_grey(file: ImageFile) -> np.ndarray:
    """Read an image as (height, width) float32 of grey levels, 0 to 255.

    Raises:
        InputError: the image cannot be read; the message names the file.
    """
    data = read_image_file(file)
    # EXIF's orientation is ignored, because `load_images` ignores it too.
    how = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(data, how) if len(data) else None
    if image is None:
        raise InputError(f"{path_of(file)} can't be read as an image; run the fetch stage again")
    return image.astype(np.float32)


def _thumbnail(file: ImageFile, size: int) -> np.ndarray:
    return cv2.resize(read_grey(file), (size, size), interpolation=cv2.INTER_AREA)
