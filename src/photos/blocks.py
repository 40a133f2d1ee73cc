"""Computing large arrays in overlapping blocks."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from src.bank.openvino_engine import Stream

MOST_PARTS = 40  # the most blocks along a side of a photo


@dataclass(frozen=True)
class Block:
    """A range of rows or columns that are computed together.

    Attributes:
        start: the first row or column that is computed.
        first: the first one that is kept. The ones before it are the halo.
        last: the last one that is kept, plus 1.
    """

    start: int
    first: int
    last: int

    @property
    def kept(self) -> slice:
        """The kept rows or columns, counted from `start`."""
        return slice(self.first - self.start, self.last - self.start)


def in_blocks(
    stream: Stream,
    taken: Callable[[Block, Block], np.ndarray],
    shape: tuple[int, int],
    size: tuple[int, int],
    halo: int,
) -> np.ndarray:
    """Compute the outputs (*shape, channels) of `stream` block by block.

    Args:
        stream: function that maps inputs (1, height, width, channels) to outputs (1, *size,
            channels).
        taken: function that returns the input (height, width, channels) for a block of rows and a
            block of columns.
        shape: number of rows and columns of the result.
        size: number of rows and columns of a block, with its borders.
        halo: width of the borders. They are discarded, except at the edges of the result.
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
    """Cut rows or columns into overlapping blocks, so that each is kept by one block.

    Args:
        cells: number of rows or columns.
        size: number of rows or columns of a block, above 2 * halo.
        halo: number of them at both ends of a block that are not kept.
    """
    first = 0
    while first < cells:
        start = max(0, min(first - halo, cells - size))
        last = cells if start + size >= cells else start + size - halo
        yield Block(start, first, last)
        first = last


def block_size(rows: int, columns: int, most: float, halo: int) -> tuple[int, int]:
    """Choose the size of blocks for which the fewest cells are computed in all.

    Args:
        rows: rows of the whole.
        columns: columns of the whole.
        most: the most cells of a block. If no size fits, the smallest one is chosen.
        halo: see `in_blocks`.

    Returns:
        The rows and columns of a block, with its borders.
    """

    def side(cells: int, parts: int) -> int:
        return min(cells, -(-(cells - 2 * halo) // parts) + 2 * halo)

    computed = {}
    for down, across in itertools.product(range(1, MOST_PARTS + 1), repeat=2):
        size = side(rows, down), side(columns, across)
        computed[size] = down * across * size[0] * size[1]
    small = [size for size in computed if size[0] * size[1] <= most]
    return min(small or [min(computed)], key=lambda size: computed[size])
