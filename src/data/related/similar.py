"""Finding similar pictures among many without comparing every two, by hashes of their signs.

A random plane through the origin separates two vectors. The probability is their angle over pi
(M. S. Charikar, Similarity estimation techniques from rounding algorithms, STOC 2002). Similar
vectors therefore lie on the same side of most planes. The sides of several planes make a code, and
vectors with the same code are compared. Many codes of each vector make it almost certain that
similar vectors share at least one.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from scipy.stats import binom
from tqdm import tqdm

from src.errors import InputError

MISSED = 1e-6  # largest probability of missing a pair, for each of the three steps
BLOCK = 4096  # number of vectors that are hashed at once
CODE = 32  # largest number of planes of a code
CROWD = 4  # number of vectors, on average, that share a code with another one
FIRST = 4  # number of codes that decide whether all codes of a pair are compared
ROUNDING = 1e-3  # added to a distance, more than what float32 rounds off

Turn = Callable[[np.ndarray], np.ndarray]


def similar_pairs(
    vectors: np.ndarray, turns: Mapping[str, Turn], *, threshold: float, most: int, seed: int = 0
) -> np.ndarray:
    """Find pairs of pictures that are similar after some turn or flip, and a few others.

    A pair whose correlation is just the threshold is missed with a probability of at most three
    times `MISSED`, and a more similar pair less often. The time grows little faster than the number
    of pictures, if each is similar to few others.

    Args:
        vectors: (n, size, size) float32 of mean 0 and norm 1.
        turns: the eight symmetries of the square; each turns a stack of pictures.
        threshold: the correlation above which pictures are similar, 0 to 1.
        most: the largest number of pairs.
        seed: seed of the planes.

    Returns:
        Pairs (k, 2) int64 of rows of `vectors`. The lower row comes first, and no pair comes twice.

    Raises:
        InputError: there are more pairs than `most`.
    """
    copies = upright_copies(vectors, turns, float(np.sqrt(2 - 2 * threshold)))
    rng, together = np.random.default_rng(seed), 1 - np.arccos(threshold) / np.pi
    planes = _planes(_codes(vectors, turns, copies, 1, CODE, rng)[:, 0])
    tables = int(np.ceil(np.log(MISSED) / np.log1p(-(together**planes))))
    codes = _codes(vectors, turns, copies, tables, planes, rng)
    row = np.concatenate(list(copies.values()))
    found, held = [np.empty(0, np.int64)], 0
    for one, other in _sharing(codes, 1 - together, planes):
        left, right = np.sort([row[one], row[other]], axis=0)
        found.append((left * len(vectors) + right)[left < right])
        held += len(found[-1])
        # Pairs of the same pictures, turned in other ways, come several times.
        if held > 2 * most:
            found = [np.unique(np.concatenate(found))]
            held = len(found[0])
            refuse_more(held, most, threshold)
    pairs = np.unique(np.concatenate(found))
    return np.stack(np.divmod(pairs, max(len(vectors), 1)), axis=1)


def refuse_more(pairs: int, most: int, threshold: float) -> None:
    """Refuse more pairs than can be held.

    Raises:
        InputError: there are more pairs than `most`.
    """
    if pairs > most:
        raise InputError(
            f"more than {most:,} pairs of images correlate above {threshold:g}: raise "
            "audit.threshold or audit.min_contrast"
        )


def upright_copies(
    vectors: np.ndarray, turns: Mapping[str, Turn], radius: float
) -> dict[str, np.ndarray]:
    """Choose how each picture is turned, so that two similar ones are turned in the same way.

    A picture is turned until it is darker towards the right and, even more so, towards the bottom.
    Where that is not clear, several turns are taken.

    Args:
        vectors: see `similar_pairs`.
        turns: see `similar_pairs`.
        radius: the distance up to which two pictures are similar. Of two such pictures, under any
            of the turns, at least one way to turn both is taken.

    Returns:
        For each turn the rows of the pictures that are turned so.
    """
    size, margin = vectors.shape[1], radius / 2 + ROUNDING
    fall = np.cos(np.pi * (np.arange(size) + 0.5) / size)
    fall = (fall / np.linalg.norm(fall) / np.sqrt(size)).astype(np.float32)
    copies = {}
    for kind, turn in turns.items():
        turned = turn(vectors)
        down, across = turned.sum(axis=2) @ fall, turned.sum(axis=1) @ fall
        # Each of the three sides changes by at most the distance of two pictures.
        sides = np.stack([down, across, (np.abs(down) - np.abs(across)) / np.sqrt(2)])
        copies[kind] = np.flatnonzero((sides >= -margin).all(axis=0))
    return copies


def _planes(code: np.ndarray) -> int:
    """Return how many planes a code needs so that few vectors share it.

    Args:
        code: (m,) uint32, codes of `CODE` planes.
    """
    for planes in range(1, CODE):
        sizes = np.unique(code & np.uint32(2**planes - 1), return_counts=True)[1]
        if (sizes * (sizes - 1.0)).sum() <= CROWD * len(code):
            return planes
    return CODE


def _codes(
    vectors: np.ndarray,
    turns: Mapping[str, Turn],
    copies: Mapping[str, np.ndarray],
    tables: int,
    planes: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the codes (m, tables) uint32 of all copies; a bit says on which side of a plane."""
    count = sum(map(len, copies.values()))
    codes = np.zeros((count, tables, CODE // 8), np.uint8)
    numbers = vectors.shape[1] * vectors.shape[2]
    across = rng.standard_normal((numbers, tables * planes), np.float32)
    end = 0
    for kind, rows in copies.items():
        for start in range(0, len(rows), BLOCK):
            some = turns[kind](vectors[rows[start : start + BLOCK]])
            sides = some.reshape(len(some), -1) @ across > 0
            bits = np.packbits(sides.reshape(-1, tables, planes), axis=2, bitorder="little")
            codes[end : end + len(some), :, : bits.shape[2]] = bits
            end += len(some)
    return codes.view("<u4")[:, :, 0]


def _sharing(
    codes: np.ndarray, parted: float, planes: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, in parts, the pairs that share a code; a pair comes once, with the first such code.

    Pairs are left out that differ in too many bits of all their codes to be similar.

    Args:
        codes: (m, tables) uint32.
        parted: the probability that a plane parts a pair at the threshold.
        planes: number of planes of a code.
    """
    tables = codes.shape[1]
    first = np.ascontiguousarray(codes[:, :FIRST])
    limits = [binom.isf(MISSED, n * planes, parted) for n in (first.shape[1], tables)]
    for table in tqdm(range(tables), "comparing", unit="hash"):
        order = np.argsort(codes[:, table], kind="stable")
        sorted_codes, at = codes[order, table], np.arange(len(order))
        for step in range(1, len(order)):
            at = at[: np.searchsorted(at, len(order) - step)]
            at = at[sorted_codes[at] == sorted_codes[at + step]]
            if not len(at):
                break
            one, other = order[at], order[at + step]
            for some, limit in zip((first, codes), limits, strict=True):
                apart = np.bitwise_count(some[one] ^ some[other]).sum(axis=1, dtype=np.int64)
                one, other = one[apart <= limit], other[apart <= limit]
            known = (codes[one, :table] == codes[other, :table]).any(axis=1)
            yield one[~known], other[~known]
