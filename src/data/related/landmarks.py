"""Landmarks: spots of an image that stand out, found again wherever a crop of it shows them.

The idea of local features (D. G. Lowe, Distinctive Image Features from Scale-Invariant Keypoints,
IJCV 2004), cut down to what crops of one photograph need: no change of scale, only the eight
symmetries of the square, so that blobs are sought at one scale and described by plain grey levels.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from scipy.fft import dctn
from scipy.spatial import cKDTree
from tqdm import tqdm

from src.data.related.twins import MOST_PAIRS, read_grey
from src.errors import InputError

SAMPLES = 8  # of a window, along each side
HIGHEST = 5  # frequency, down and across together, up to which windows are matched
BATCH = 100_000  # windows that are transformed at once, to save memory
PROBES = 10_000  # landmarks by which the number of matches is estimated beforehand


@dataclass(frozen=True)
class Landmarks:
    """Those of many images, one image after the other.

    Attributes:
        image: (m,) int64, the row of each landmark's image.
        point: (m, 2) float32, its y and x in pixels from the image's centre.
        window: (m, SAMPLES, SAMPLES) float32, the grey levels around it, smoothed.
    """

    image: np.ndarray
    point: np.ndarray
    window: np.ndarray


def read_landmarks(
    paths: Sequence[Path], *, thumbnail: int, window: int, spacing: int, min_contrast: float
) -> tuple[Landmarks, np.ndarray]:
    """Read images; their landmarks, and thumbnails (n, thumbnail, thumbnail) float16, 0..255.

    For the other arguments see `find_landmarks`.

    Raises:
        InputError: an image can't be read; it names the file.
    """
    small = np.empty((len(paths), thumbnail, thumbnail), np.float16)
    read = partial(
        _read, thumbnail=thumbnail, window=window, spacing=spacing, min_contrast=min_contrast
    )
    points, windows = [], []
    with ThreadPoolExecutor() as pool:
        made = tqdm(pool.map(read, paths), "landmarks", len(paths), unit="image")
        for row, (point, around, image) in enumerate(made):
            points.append(point)
            windows.append(around)
            small[row] = image
    owner = np.repeat(np.arange(len(paths)), [len(point) for point in points])
    return Landmarks(owner, np.concatenate(points), np.concatenate(windows)), small


def find_landmarks(
    grey: np.ndarray, *, window: int, spacing: int, min_contrast: float
) -> tuple[np.ndarray, np.ndarray]:
    """Find where an image differs most from its surroundings.

    Args:
        grey: (height, width) float32, 0..255.
        window: the side, in pixels, of what is kept around a landmark; it lies within the image.
        spacing: no other pixel within a square of this many pixels each way differs more.
        min_contrast: the least difference, in grey levels.

    Returns:
        `Landmarks.point` and `Landmarks.window` of this image.
    """
    pitch = window / SAMPLES
    smooth = cv2.GaussianBlur(grey, (0, 0), pitch / 2.5)
    contrast = np.abs(smooth - cv2.GaussianBlur(grey, (0, 0), pitch))
    nearby = np.ones((2 * spacing + 1, 2 * spacing + 1), np.uint8)
    chosen = (contrast == cv2.dilate(contrast, nearby)) & (contrast > min_contrast)
    edge = -(-window // 2)
    y, x = np.nonzero(chosen[edge:-edge, edge:-edge])
    y, x = y + edge, x + edge
    around = np.rint(pitch * (np.arange(SAMPLES) - (SAMPLES - 1) / 2)).astype(int)
    windows = smooth[(y[:, None] + around)[:, :, None], (x[:, None] + around)[:, None, :]]
    points = np.stack([y, x], axis=1) - (np.array(grey.shape) - 1) / 2
    return points.astype(np.float32), windows


def match_landmarks(landmarks: Landmarks, tolerance: float) -> np.ndarray:
    """Pairs (k, 2) of landmarks, earlier one first, whose windows agree under some turn.

    The two are of different images.

    Args:
        landmarks: of all images.
        tolerance: the greatest distance between two windows' `turnless` frequencies.

    Raises:
        InputError: there are more than about `MOST_PAIRS` pairs.
    """
    batches = np.array_split(landmarks.window, len(landmarks.window) // BATCH + 1)
    waves = np.concatenate([turnless(batch) for batch in batches])
    tree = cKDTree(waves)
    step = max(len(waves) // PROBES, 1)
    near = tree.query_ball_point(waves[::step], tolerance, return_length=True, workers=-1)
    if step * (near - 1).sum() / 2 > MOST_PAIRS:
        raise InputError(
            f"more than {MOST_PAIRS:,} pairs of landmarks agree: lower audit.overlaps.tolerance, "
            "raise audit.overlaps.min_contrast, or look for no overlaps with audit.overlaps=null"
        )
    pairs = tree.query_pairs(tolerance, output_type="ndarray")
    image = landmarks.image
    return pairs[image[pairs[:, 0]] != image[pairs[:, 1]]]


def turnless(windows: np.ndarray) -> np.ndarray:
    """What stays of windows (m, SAMPLES, SAMPLES) however they are turned or flipped.

    A flip changes but the signs of a window's cosine transform, and a quarter turn swaps down and
    across besides.

    Returns:
        (m, f) float: magnitudes of the low frequencies in grey levels, made the same for those
        that are each other's transpose. No two are further apart than the windows.
    """
    waves = np.abs(dctn(windows, axes=(1, 2), norm="ortho"))
    down, across = np.indices((SAMPLES, SAMPLES))
    low = down + across <= HIGHEST
    one, other = waves[:, low & (down < across)], waves.swapaxes(1, 2)[:, low & (down < across)]
    mean, difference = (one + other) / np.sqrt(2), np.abs(one - other) / np.sqrt(2)
    return np.concatenate([waves[:, low & (down == across)], mean, difference], axis=1)


def _read(
    path: Path, *, thumbnail: int, window: int, spacing: int, min_contrast: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    grey = read_grey(path)
    found = find_landmarks(grey, window=window, spacing=spacing, min_contrast=min_contrast)
    return *found, cv2.resize(grey, (thumbnail, thumbnail), interpolation=cv2.INTER_AREA)
