"""What is too large to compute in one go, in overlapping blocks."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from src.bank.openvino_engine import Stream

MOST_PARTS = 40  # along a side of a photo


@dataclass(frozen=True)
class Block:
    """Some rows or columns that are computed together.

    Attributes:
        start: the first computed.
        first: the first kept; those before are halo.
        last: behind the last kept.
    """

    start: int
    first: int
    last: int

    @property
    def kept(self) -> slice:
        """Of those computed."""
        return slice(self.first - self.start, self.last - self.start)


def in_blocks(
    stream: Stream,
    taken: Callable[[Block, Block], np.ndarray],
    shape: tuple[int, int],
    size: tuple[int, int],
    halo: int,
) -> np.ndarray:
    """The outputs (*shape, channels) of `stream`, put together from blocks of `size`.

    Args:
        stream: inputs (1, height, width, channels) to outputs (1, *size, channels).
        taken: the input of the block of these rows and columns.
        shape: rows and columns in all.
        size: of a block, borders included.
        halo: how wide these borders are, which are thrown away inside.
    """
    places = list(itertools.product(*map(blocks, shape, size, (halo, halo))))
    whole = np.empty(0)
    outputs = stream(taken(*place)[None] for place in places)
    for (down, across), (output,) in zip(places, outputs, strict=True):
        if not whole.size:
            whole = np.empty((*shape, output.shape[-1]), output.dtype)
        kept = output[down.kept, across.kept]
        whole[down.first : down.last, across.first : across.last] = kept
    return whole


def blocks(cells: int, size: int, halo: int) -> Iterator[Block]:
    """Cut `cells` into overlapping blocks of `size` so that each is kept once, `halo` inside."""
    first = 0
    while first < cells:
        start = max(0, min(first - halo, cells - size))
        last = cells if start + size >= cells else start + size - halo
        yield Block(start, first, last)
        first = last


def block_size(rows: int, columns: int, most: float, halo: int) -> tuple[int, int]:
    """The height and width of blocks, at most `most` cells if it can be, that waste the least."""

    def side(cells: int, parts: int) -> int:
        return min(cells, -(-(cells - 2 * halo) // parts) + 2 * halo)

    computed = {}
    for down, across in itertools.product(range(1, MOST_PARTS + 1), repeat=2):
        size = side(rows, down), side(columns, across)
        computed[size] = down * across * size[0] * size[1]
    small = [size for size in computed if size[0] * size[1] <= most]
    return min(small or [min(computed)], key=lambda size: computed[size])
