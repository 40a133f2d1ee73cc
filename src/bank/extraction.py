"""Filling a feature bank: decoding and augmenting beside the inference."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from src.bank.engine import Run
from src.bank.feature_bank import CHUNK, Bank, check_disk, lock
from src.data.image_batches import load_images
from src.model.views import augmented_view, flipped_view

# For type checkers alone: the bank's identity covers the code that this module runs, and a new
# setting elsewhere in the schema is no reason to compute features again.
if TYPE_CHECKING:
    from src.config.schema import Augment

# Of one chunk: for each view the rows it lacks, and their images.
Prepared = list[tuple[int, np.ndarray, np.ndarray]]


def fill_bank(
    bank: Bank,
    run: Run,
    paths: Sequence[Path],
    wanted: Mapping[int, np.ndarray],
    augment: "Augment",
    seed: int,
) -> int:
    """Compute the features that are wanted and not there, and return how many those were.

    Each chunk of rows is on disk before the next begins, so a killed process continues where it
    stopped; two processes that want the same bank take turns, and the second finds it filled.

    Args:
        bank: where they go.
        run: the prefix: images (n, size, size, 3) uint8 to features (n, *bank.shape) float16.
        paths: of all the bank's images, by row.
        wanted: for each view the rows (n,) int, sorted.
        augment: what views above 0 are drawn by; without rotation they are the flips in turn.
        seed: of the views.

    Raises:
        InputError: the disk is too small, or an image can't be read.
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
            for prepared in _ahead(background, missing, paths, augment, seed):
                for view, rows, images in prepared:
                    bank.store(view, rows, run(images))
                    bar.update(len(rows))
        return total


def _ahead(
    background: ThreadPoolExecutor,
    missing: Mapping[int, np.ndarray],
    paths: Sequence[Path],
    augment: "Augment",
    seed: int,
) -> Iterator[Prepared]:
    chunks = sorted({int(chunk) for rows in missing.values() for chunk in np.unique(rows // CHUNK)})
    waiting: list[Future[Prepared]] = []
    for chunk in chunks:
        waiting.append(background.submit(_prepare, chunk, missing, paths, augment, seed))
        if len(waiting) > 2:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _prepare(
    chunk: int,
    missing: Mapping[int, np.ndarray],
    paths: Sequence[Path],
    augment: "Augment",
    seed: int,
) -> Prepared:
    first = chunk * CHUNK
    rows_of = {view: rows[rows // CHUNK == chunk] for view, rows in missing.items()}
    rows = np.unique(np.concatenate(list(rows_of.values())))
    images = load_images([paths[row] for row in rows])
    prepared = []
    for view, lacking in rows_of.items():
        chosen = images[np.searchsorted(rows, lacking)]
        if not augment.rotation:
            chosen = flipped_view(chosen, augment.flip, view)
        elif view and len(lacking):
            chosen = augmented_view(
                chosen,
                lacking - first,
                draws=min(CHUNK, len(paths) - first),
                flip=augment.flip,
                rotation=augment.rotation,
                seed=_view_seed(seed, view, chunk),
            )
        if len(lacking):
            prepared.append((view, lacking, chosen))
    return prepared


def _view_seed(seed: int, view: int, chunk: int) -> int:
    # Even, as the random layers of a view take this number and the next ones.
    return int(np.random.SeedSequence([seed, view, chunk]).generate_state(1)[0] >> 2) * 2
