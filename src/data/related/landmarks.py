"""Landmarks: conspicuous spots of an image that are found again in every crop that shows them.

They are simple local features (D. G. Lowe, Distinctive Image Features from Scale-Invariant
Keypoints, IJCV 2004). Crops of one photograph differ in position and in the eight symmetries of the
square, but not in scale. Blobs are therefore sought at one scale and described by grey levels.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from scipy.fft import dctn
from scipy.spatial import cKDTree
from tqdm import tqdm

from src.data.image_files import ImageFile
from src.data.related.twins import MOST_PAIRS, read_grey
from src.errors import InputError

SAMPLES = 8  # number of samples along each side of a window
HIGHEST = 5  # highest sum of vertical and horizontal frequency that is used to match windows
BATCH = 100_000  # number of windows that are transformed at once, which limits the memory
PROBES = 10_000  # number of landmarks from which the number of matches is estimated in advance


@dataclass(frozen=True)
class Landmarks:
    """The landmarks of many images, one image after the other.

    Attributes:
        image: (m,) int64, the row of each landmark's image.
        point: (m, 2) float32, the y and x of each landmark in pixels from the image's centre.
        window: (m, SAMPLES, SAMPLES) float32, the smoothed grey levels around each landmark.
    """

    image: np.ndarray
    point: np.ndarray
    window: np.ndarray


def read_landmarks(
    files: Sequence[ImageFile], *, thumbnail: int, window: int, spacing: int, min_contrast: float
) -> tuple[Landmarks, np.ndarray]:
    """Read images, find their landmarks, and make thumbnails.

    Args:
        files: the image files.
        thumbnail: height and width of the thumbnails in pixels.
        window: see `find_landmarks`.
        spacing: see `find_landmarks`.
        min_contrast: see `find_landmarks`.

    Returns:
        The landmarks of all images, and thumbnails (n, thumbnail, thumbnail) float16, 0 to 255.

    Raises:
        InputError: an image cannot be read; the message names the file.
    """
    small = np.empty((len(files), thumbnail, thumbnail), np.float16)
    read = partial(
        _read, thumbnail=thumbnail, window=window, spacing=spacing, min_contrast=min_contrast
    )
    points, windows = [], []
    with ThreadPoolExecutor() as pool:
        made = tqdm(pool.map(read, files), "landmarks", len(files), unit="image")
        for row, (point, around, image) in enumerate(made):
            points.append(point)
            windows.append(around)
            small[row] = image
    owner = np.repeat(np.arange(len(files)), [len(point) for point in points])
    return Landmarks(owner, np.concatenate(points), np.concatenate(windows)), small


def find_landmarks(
    grey: np.ndarray, *, window: int, spacing: int, min_contrast: float
) -> tuple[np.ndarray, np.ndarray]:
    """Find the spots at which an image differs most from its surroundings.

    Args:
        grey: (height, width) float32, 0 to 255.
        window: side in pixels of the window around a landmark. It lies within the image.
        spacing: radius in pixels of the square in which a landmark must have the highest contrast.
        min_contrast: smallest difference from the surroundings, in grey levels.

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
    """Find pairs of landmarks of different images whose windows agree after some turn or flip.

    Args:
        landmarks: the landmarks of all images.
        tolerance: largest distance between the `turnless` frequencies of two windows.

    Returns:
        Pairs (k, 2) int64 of landmarks, with the earlier one first.

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
    """Describe windows by numbers that do not change if a window is turned or flipped.

    A flip only changes the signs of a window's cosine transform. A quarter turn also transposes
    it. The numbers are therefore magnitudes, in a form that is the same after a transposition.

    Args:
        windows: (m, SAMPLES, SAMPLES) float32.

    Returns:
        (m, f) float, magnitudes of the low frequencies in grey levels. The distance between two
        rows is at most the distance between the two windows.
    """
    waves = np.abs(dctn(windows, axes=(1, 2), norm="ortho"))
    down, across = np.indices((SAMPLES, SAMPLES))
    low = down + across <= HIGHEST
    one, other = waves[:, low & (down < across)], waves.swapaxes(1, 2)[:, low & (down < across)]
    mean, difference = (one + other) / np.sqrt(2), np.abs(one - other) / np.sqrt(2)
    return np.concatenate([waves[:, low & (down == across)], mean, difference], axis=1)


def _read(
    file: ImageFile, *, thumbnail: int, window: int, spacing: int, min_contrast: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    grey = read_grey(file)
    found = find_landmarks(grey, window=window, spacing=spacing, min_contrast=min_contrast)
    return *found, cv2.resize(grey, (thumbnail, thumbnail), interpolation=cv2.INTER_AREA)
