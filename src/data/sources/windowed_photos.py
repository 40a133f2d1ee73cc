"""Writing the windows of many photographs as images of a dataset."""

import os
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from src.data.dataset import Collected, Origin, Rejected
from src.data.files import write_bytes
from src.data.sources.colour_pictures import UnusableImage
from src.data.sources.windows import Window
from src.data.worker_processes import map_in_processes
from src.errors import InputError

Cut = Callable[[np.random.Generator], list[Window]]


@dataclass(frozen=True)
class WindowedPhoto:
    """A photograph that windows are cut from.

    Attributes:
        name: the beginning of its windows' file names, which no other photograph has.
        origin: the photograph and the source of its windows.
        cut: function that reads the photograph and cuts its windows with random numbers. It can be
            pickled, and raises `UnusableImage` if the photograph cannot be used.
    """

    name: str
    origin: Origin
    cut: Cut


def write_windows(
    photos: Sequence[WindowedPhoto],
    staging: Path,
    classes: Sequence[str],
    *,
    quality: int,
    seed: int,
) -> Collected:
    """Cut the windows of all photographs, and write them to `staging/<class>/<name>-<number>.jpg`.

    Args:
        photos: the photographs. Each has its own random numbers, so the windows of one do not
            depend on the others.
        staging: an empty folder.
        classes: the class names.
        quality: quality of the JPEG files, 1 to 100.
        seed: seed of the random numbers.

    Returns:
        The windows' origins. Photographs that cannot be used or give no window are left out.

    Raises:
        InputError: two photographs have the same name.
    """
    twice = [name for name, times in Counter(photo.name for photo in photos).items() if times > 1]
    if twice:
        raise InputError(f"two photographs would have windows named {twice[0]}: rename one")
    for name in classes:
        (staging / name).mkdir()

    write = partial(_write_windows, staging, classes, quality, seed)
    written = map_in_processes(write, photos, desc="cutting windows", unit="photo")
    left_out = [outcome for outcome in written if isinstance(outcome, Rejected)]
    kept = [outcome for outcome in written if not isinstance(outcome, Rejected)]
    return Collected(left_out, {path: origin for one in kept for path, origin in one.items()})


def _write_windows(
    staging: Path, classes: Sequence[str], quality: int, seed: int, photo: WindowedPhoto
) -> dict[str, Origin] | Rejected:
    try:
        name = photo.name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(photo.name).decode("utf-8", "backslashreplace")
        return Rejected(shown, "its name is not UTF-8")
    rng = np.random.default_rng([seed, zlib.crc32(name)])
    try:
        windows = photo.cut(rng)
    except UnusableImage as error:
        return Rejected(photo.name, str(error))
    if not windows:
        return Rejected(photo.name, "no place for a window with a clear label")
    paths = [f"{classes[w.label]}/{photo.name}-{i:02}.jpg" for i, w in enumerate(windows)]
    for path, window in zip(paths, windows, strict=True):
        write_bytes(staging / path, _jpeg(window.pixels, quality))
    return dict.fromkeys(paths, photo.origin)


def _jpeg(pixels: np.ndarray, quality: int) -> bytes:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()
