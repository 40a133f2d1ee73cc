"""Filling a feature bank: images are decoded and augmented while the engine computes features."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from src.bank.engine import Run
from src.bank.feature_bank import CHUNK, Bank, check_disk, lock
from src.data.image_batches import load_images
from src.data.image_files import ImageFile
from src.model.cameras import camera_view
from src.model.views import augmented_view, flipped_view

# The schema is imported for type checkers only. A bank's name depends on all code that this module
# imports. A new setting elsewhere in the schema is no reason to compute features again.
if TYPE_CHECKING:
    from src.config.schema import Augment

# One chunk of rows, prepared: for each view its number, the missing rows and their images.
Prepared = list[tuple[int, np.ndarray, np.ndarray]]


def fill_bank(
    bank: Bank,
    run: Run,
    files: Sequence[ImageFile],
    wanted: Mapping[int, np.ndarray],
    augment: "Augment",
    seed: int,
) -> int:
    """Compute the wanted features that a bank does not hold yet.

    Each chunk of rows is written to disk before the next begins, so an interrupted process can
    continue where it stopped. Two processes that need the same bank take turns, and the second one
    finds it filled.

    Args:
        bank: the bank to fill.
        run: function that maps images (n, size, size, 3) uint8 to features (n, *bank.shape)
            float16.
        files: the files of all images of the bank, by row.
        wanted: for each view number the sorted rows (n,) int that are wanted.
        augment: the augmentation of the views above 0. If it is not drawn, each view is one flip.
        seed: seed of the augmented views, 0 or more.

    Returns:
        The number of features that were computed.

    Raises:
        InputError: the disk has too little space, or an image cannot be read or is not the listed
            one.
    """
    with lock(bank):
        damaged = sum(bank.forget_damaged(view, rows) for view, rows in wanted.items())
        if damaged:
            tqdm.write(f"{bank.folder}: {damaged} damaged features are computed again")
        missing = {view: bank.missing(view, rows) for view, rows in wanted.items()}
        total = sum(len(rows) for rows in missing.values())
        if not total:
            return 0
        check_disk(bank, total)
        bar = tqdm(total=total, desc="feature bank", unit="img", smoothing=0.05)
        with ThreadPoolExecutor(1) as background, bar:
            for prepared in _ahead(background, missing, files, augment, seed):
                for view, rows, images in prepared:
                    bank.store(view, rows, run(images))
                    bar.update(len(rows))
        return total


def _ahead(
    background: ThreadPoolExecutor,
    missing: Mapping[int, np.ndarray],
    files: Sequence[ImageFile],
    augment: "Augment",
    seed: int,
) -> Iterator[Prepared]:
    chunks = sorted({int(chunk) for rows in missing.values() for chunk in np.unique(rows // CHUNK)})
    waiting: list[Future[Prepared]] = []
    for chunk in chunks:
        waiting.append(background.submit(_prepare, chunk, missing, files, augment, seed))
        if len(waiting) > 2:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _prepare(
    chunk: int,
    missing: Mapping[int, np.ndarray],
    files: Sequence[ImageFile],
    augment: "Augment",
    seed: int,
) -> Prepared:
    first = chunk * CHUNK
    rows_of = {view: rows[rows // CHUNK == chunk] for view, rows in missing.items()}
    rows = np.unique(np.concatenate(list(rows_of.values())))
    images = load_images([files[row] for row in rows])
    prepared = []
    for view, lacking in rows_of.items():
        chosen = images[np.searchsorted(rows, lacking)]
        if not augment.is_drawn:
            chosen = flipped_view(chosen, augment.flip, view)
        elif view and len(lacking):
            draws = min(CHUNK, len(files) - first)
            drawn = _view_seed(seed, view, chunk)
            chosen = _drawn_view(chosen, lacking - first, draws, augment, drawn)
        if len(lacking):
            prepared.append((view, lacking, chosen))
    return prepared


def _drawn_view(
    images: np.ndarray, members: np.ndarray, draws: int, augment: "Augment", seed: int
) -> np.ndarray:
    view = augmented_view(
        images, members, draws=draws, flip=augment.flip, rotation=augment.rotation, seed=seed
    )
    if augment.cameras:
        view = camera_view(view, members, draws=draws, cameras=augment.cameras, seed=seed)
    return view


def _view_seed(seed: int, view: int, chunk: int) -> int:
    # The second random layer of a view takes the seed plus 1, so seeds of views are even numbers.
    return int(np.random.SeedSequence([seed, view, chunk]).generate_state(1)[0] >> 2) * 2
