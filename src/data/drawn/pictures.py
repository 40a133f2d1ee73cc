"""Drawing synthetic concrete: photographs with their crack masks, and folders of patches."""

import multiprocessing
import os
import shutil
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from src.data.drawn.concrete import draw_surface, photograph
from src.data.drawn.crack import Branch, carve, grow_crack
from src.errors import InputError

Photo = npt.NDArray[np.uint8]  # (height, width, 3) RGB
Mask = npt.NDArray[np.bool_]  # (height, width)

CLASSES = ("Negative", "Positive")
SMALLEST = 64  # smallest side of a patch in pixels; below, a crack looks like a scratch
PATCH_MIDDLE = (0.2, 0.8)  # position of a crack's middle in a patch, as a share of the side
# Length of a crack as a multiple of the patch's side. Most cracks run through the whole patch.
PATCH_LENGTH = (1.0, 5.0)
SECOND_CRACK = 0.12  # share of the cracked patches that have two cracks
PHOTO_LENGTH = (0.3, 1.0)  # length of a crack as a share of the photo's longer side
CHUNK = 16  # number of patches that a process draws at a time


def draw_patch(rng: np.random.Generator, *, cracked: bool, size: int) -> Photo:
    """Draw a patch of concrete with or without a clearly visible crack.

    Generators with the same state give both kinds of patch the same surface and the same light.

    Args:
        rng: the random generator.
        cracked: whether the patch has a crack.
        size: height and width in pixels.

    Returns:
        The patch (size, size, 3) uint8 RGB.
    """
    cracks: list[Branch] = []
    surface_rng, crack_rng, camera_rng = rng.spawn(3)
    if cracked:
        for _ in range(1 + (crack_rng.uniform() < SECOND_CRACK)):
            middle = size * crack_rng.uniform(*PATCH_MIDDLE, 2)
            cracks += grow_crack(crack_rng, middle, size * crack_rng.uniform(*PATCH_LENGTH))
    surface = draw_surface(surface_rng, size, size)
    carve(crack_rng, surface, cracks)
    return photograph(camera_rng, surface)


def draw_photo(
    rng: np.random.Generator, *, width: int, height: int, cracks: int
) -> tuple[Photo, Mask]:
    """Draw a photo of concrete at the scale of `draw_patch`; a larger photo shows more of the wall.

    Args:
        rng: the random generator.
        width: width in pixels.
        height: height in pixels.
        cracks: number of cracks.

    Returns:
        The photo (height, width, 3) uint8 RGB, and the mask (height, width) of its cracks.
    """
    branches: list[Branch] = []
    surface_rng, crack_rng, camera_rng = rng.spawn(3)
    for _ in range(cracks):
        middle = crack_rng.uniform(0, (width, height))
        length = max(width, height) * crack_rng.uniform(*PHOTO_LENGTH)
        branches += grow_crack(crack_rng, middle, length)
    surface = draw_surface(surface_rng, height, width)
    mask = carve(crack_rng, surface, branches)
    return photograph(camera_rng, surface), mask


def write_patches(target: Path, *, images: int, seed: int, size: int) -> None:
    """Draw patches to target/Positive/00001.jpg… and target/Negative/00001.jpg…, half of them each.

    A patch depends only on the seed, its class and its number. A longer series therefore begins
    with the same files as a shorter one. On another kind of processor a few pixels may be rounded
    differently. The folder `target` appears only when all patches are drawn.

    Args:
        target: the folder to write.
        images: number of patches, even and at least 2.
        seed: seed of the patches, 0 or more.
        size: height and width in pixels, at least `SMALLEST`.

    Raises:
        InputError: the number of patches is odd or below 2, a patch is too small, or `target`
            already holds files.
        ValueError: the seed is negative.
    """
    if images < 2 or images % 2:
        raise InputError(f"images is {images}: give an even number, half for each class.")
    if size < SMALLEST:
        raise InputError(f"size is {size} pixels: give at least {SMALLEST}.")
    if target.exists() and any(target.iterdir()):
        raise InputError(f"{target} already holds files: remove it or name another folder.")
    unfinished = target.with_name(f".{target.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)  # an interrupted run may have left this folder
    jobs = [(label, number) for number in range(1, images // 2 + 1) for label in (0, 1)]
    try:
        for name in CLASSES:
            (unfinished / name).mkdir(parents=True)
        _draw_all(partial(_write_patch, unfinished, seed, size), jobs)
        unfinished.replace(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _draw_all(draw: partial[None], jobs: list[tuple[int, int]]) -> None:
    # Processes are spawned, because a forked one would inherit the locks of its parent's threads.
    with ProcessPoolExecutor(
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_prepare_worker,
    ) as pool:
        done = pool.map(draw, jobs, chunksize=CHUNK)
        for _ in tqdm(done, total=len(jobs), desc="drawing patches", unit="image"):
            pass


def _prepare_worker() -> None:
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent is gone; one that was killed can't tell it to."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _write_patch(folder: Path, seed: int, size: int, job: tuple[int, int]) -> None:
    label, number = job
    rng = np.random.default_rng([seed, label, number])
    patch = draw_patch(rng, cracked=bool(label), size=size)
    Image.fromarray(patch).save(folder / CLASSES[label] / f"{number:05}.jpg", quality=95)
