"""Folders of drawn patches. A patch is a small drawn photograph."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from src.data.drawn.camera import Photo
from src.data.drawn.photograph import draw_photograph
from src.data.worker_processes import map_in_processes
from src.errors import InputError

CLASSES = ("Negative", "Positive")
FEW = 100  # number of patches that take about as long to draw as worker processes to start
SMALLEST = 64  # smallest side of a patch in pixels; below, a crack looks like a scratch


def draw_patch(rng: np.random.Generator, *, cracked: bool, size: int) -> Photo:
    """Draw a patch with or without a clear crack; both may show what looks like one.

    Generators with the same state give both kinds of patch the same surface and the same light.

    Args:
        rng: the random generator.
        cracked: whether the patch has a crack.
        size: height and width in pixels.

    Returns:
        The patch (size, size, 3) uint8 RGB.
    """
    return draw_photograph(rng, size, size, cracked=cracked, clear=True).pixels


def write_patches(
    target: Path, *, images: int, seed: int, size: int, classes: Sequence[str] = CLASSES
) -> None:
    """Draw patches to target/Positive/00001.jpg… and target/Negative/00001.jpg…, half of them each.

    A patch depends only on the seed, its class and its number. A longer series therefore begins
    with the same files as a shorter one. On another kind of processor a few pixels may be rounded
    differently. The folder `target` appears only when all patches are drawn.

    Args:
        target: the folder to write.
        images: number of patches, even and at least 2.
        seed: seed of the patches, 0 or more.
        size: height and width in pixels, at least `SMALLEST`.
        classes: the names of the folders, that of patches without a crack first.

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
        folders = [unfinished / name for name in classes]
        for folder in folders:
            folder.mkdir(parents=True)
        draw = partial(_write_patch, folders, seed, size)
        map_in_processes(draw, jobs, desc="drawing patches", unit="image", few=FEW)
        unfinished.replace(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_patch(folders: Sequence[Path], seed: int, size: int, job: tuple[int, int]) -> None:
    label, number = job
    rng = np.random.default_rng([seed, label, number])
    patch = draw_patch(rng, cracked=bool(label), size=size)
    Image.fromarray(patch).save(folders[label] / f"{number:05}.jpg", quality=95)
