"""How likely each tile of a photo is to show a crack, by one pass over the photo.

Overlapping tiles share most of their convolutions, so the network runs once, over large blocks of
the photo, and a tile's logit is the mean of the class map under it. A tile that is scored alone has
zeros around it where the photo goes on. That shifts a photo's logits, all by about as much: some
real tiles, spread over the map's whole range, tell by how much (docs/photos.md has the figures).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import keras
import numpy as np
from PIL import Image
from scipy.special import expit, logit

from src.model.class_map import CELL, class_map_model, first_centre, patch_cells
from src.model.engine import Run, build_engine
from src.vision.photos import crop, rescaled

TOGETHER = 8  # blocks handed to the engine at once
MOST_PARTS = 40  # along a side of a photo


@dataclass(frozen=True)
class Scores:
    """One photo at one scale.

    Attributes:
        evidence: (rows, columns) float32, what each cell adds to the logit of the tiles over it.
        probability: (rows - cells + 1, columns - cells + 1) float32, of the tiles of `cells` x
            `cells` cells, by their first cell.
        cells: along a tile's side.
        first: the pixel of the photo, along either axis, on which cell 0 is centred.
        step: pixels of the photo from one cell to the next.
    """

    evidence: np.ndarray
    probability: np.ndarray
    cells: int
    first: float
    step: float

    def nearby(self) -> np.ndarray:
        """(rows, columns) float32: for each cell the highest probability of a tile over it."""
        border = self.cells - 1
        tiles = np.pad(self.probability, ((0, border), (0, border)))
        square = np.ones((self.cells, self.cells), np.uint8)
        return np.asarray(cv2.dilate(tiles, square, anchor=(border, border)))


@dataclass(frozen=True)
class Block:
    """Some rows or columns of a map that are computed together.

    Attributes:
        start: the first computed.
        first: the first kept; those before are halo.
        last: behind the last kept.
    """

    start: int
    first: int
    last: int


@dataclass(frozen=True)
class Scorer:
    """Scores photos of any size.

    Attributes:
        run: a compiled `class_map_model`: images (n, height, width, 3) uint8 to (n, rows, columns,
            1) float32.
        patch: side of the model's patches in pixels.
        temperature: the logits are divided by it (Guo et al. 2017).
        flips: average the probabilities of the photo and its three mirror images.
        block_megapixels: computed in one go; bounds the memory.
        halo: cells computed around a block and thrown away, as its border falsifies them.
        anchors: real tiles by which a photo's map is shifted; 0 takes the map as it is.
    """

    run: Run
    patch: int
    temperature: float
    flips: bool
    block_megapixels: float
    halo: int
    anchors: int

    def score(self, photo: Image.Image, scale: float) -> Scores:
        """Score every tile of an RGB photo, `scale` times its size, in steps of CELL pixels."""
        image = rescaled(photo, scale)
        maps = self._maps(image)
        logits = np.stack([tile_means(evidence, self.cells) for evidence in maps])
        if self.anchors:
            shifts = self._shifts(image, logits)
            maps, logits = maps + shifts, logits + shifts
        # Probabilities are averaged, as where the temperature was fitted, in float64: near 1
        # float32 has too few digits for the way back to a logit.
        averaged = logit(expit(logits, dtype=np.float64).mean(axis=0))
        return Scores(
            evidence=maps.mean(axis=0) / self.temperature,
            probability=expit(averaged / self.temperature).astype(np.float32),
            cells=self.cells,
            first=first_centre(self.patch) / scale,
            step=CELL / scale,
        )

    @property
    def cells(self) -> int:
        """Along a tile's side."""
        return patch_cells(self.patch)

    def _maps(self, image: Image.Image) -> np.ndarray:
        """(mirror images, rows, columns) float32, all the same way up."""
        rows, columns = (self._grid(side) for side in (image.height, image.width))
        height, width = block_size(rows, columns, self.block_megapixels * 1e6 / CELL**2, self.halo)
        places = [
            (down, across)
            for down in blocks(rows, height, self.halo)
            for across in blocks(columns, width, self.halo)
        ]
        maps = np.empty((len(self._mirrored), rows, columns), np.float32)
        for begin in range(0, len(places), TOGETHER):
            chosen = places[begin : begin + TOGETHER]
            pixels = [self._pixels(image, d.start, a.start, height, width) for d, a in chosen]
            mapped = self._mapped(np.stack(pixels))
            for (down, across), parts in zip(chosen, np.swapaxes(mapped, 0, 1), strict=True):
                maps[:, down.first : down.last, across.first : across.last] = parts[
                    :,
                    down.first - down.start : down.last - down.start,
                    across.first - across.start : across.last - across.start,
                ]
        return maps

    def _shifts(self, image: Image.Image, logits: np.ndarray) -> np.ndarray:
        """(mirror images, 1, 1): how much higher tiles score alone than in the photo, on average.

        Args:
            image: the photo.
            logits: (mirror images, rows, columns), of its tiles.
        """
        order = np.argsort(logits.mean(axis=0), axis=None, kind="stable")
        chosen = np.linspace(0, len(order) - 1, min(self.anchors, len(order))).astype(int)
        tops, lefts = np.unravel_index(order[chosen], logits.shape[1:])
        tiles = [
            self._pixels(image, top, left, self.cells, self.cells)
            for top, left in zip(tops, lefts, strict=True)
        ]
        alone = self._mapped(np.stack(tiles)).mean(axis=(2, 3))
        return np.asarray((alone - logits[:, tops, lefts]).mean(axis=1))[:, None, None]

    def _pixels(
        self, image: Image.Image, top: int, left: int, rows: int, columns: int
    ) -> np.ndarray:
        height, width = (self.patch + CELL * (n - self.cells) for n in (rows, columns))
        return crop(image, int(left) * CELL, int(top) * CELL, width, height)

    def _mapped(self, images: np.ndarray) -> np.ndarray:
        """(mirror images, n, rows, columns) of images (n, height, width, 3)."""
        return np.stack(
            [
                np.flip(self.run(np.ascontiguousarray(np.flip(images, axes))), axes)[..., 0]
                for axes in self._mirrored
            ]
        )

    @property
    def _mirrored(self) -> tuple[tuple[int, ...], ...]:
        """The axes of (n, height, width, …) along which each mirror image is flipped."""
        return ((), (1,), (2,), (1, 2)) if self.flips else ((),)

    def _grid(self, side: int) -> int:
        """Cells of the smallest map whose tiles cover `side` pixels."""
        return self.cells + max(0, -(-(side - self.patch) // CELL))


def build_scorer(
    classifier: keras.Model,
    *,
    name: str,
    precision: str,
    temperature: float,
    flips: bool,
    block_megapixels: float,
    halo: int,
    anchors: int,
) -> Scorer:
    """Compile a classifier from `build_classifier` for whole photos.

    Args:
        classifier: of square patches.
        name: of the engine, as is `precision`: see `build_engine`.
        temperature: see `Scorer`, as for the rest.
    """
    engine = build_engine(
        class_map_model(classifier),
        name=name,
        precision=precision,
        batch_size=1,
        output="float32",
    )
    return Scorer(
        engine.run,
        int(classifier.input_shape[1]),
        temperature=temperature,
        flips=flips,
        block_megapixels=block_megapixels,
        halo=halo,
        anchors=anchors,
    )


def tile_means(evidence: np.ndarray, cells: int) -> np.ndarray:
    """(rows - cells + 1, columns - cells + 1) means of the squares of `cells` x `cells`."""
    square = cells, cells
    means = cv2.boxFilter(evidence, -1, square, anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(means[: 1 - cells or None, : 1 - cells or None])


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
