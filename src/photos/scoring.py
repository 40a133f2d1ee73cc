"""Scoring every tile of a photo: the probability that it shows a crack.

Overlapping tiles share most of their convolutions. The network therefore runs once, over large
blocks of the photo. A tile's logit is the mean of the class map over the tile.

A tile that is scored alone is padded with zeros, but in the photo it has neighbours. All logits of
a photo are shifted by this, by about the same amount. To correct the shift, some tiles are also
scored alone. They are spread over the whole range of logits (docs/photos.md has the figures).

The network runs in two stages. The shallow layers run over small blocks, so that their large
activations stay in the processor's cache. The deep layers run over large blocks, because less of a
large block is lost to its borders.

A network that averages over the whole image inside is run on blocks of a patch's size, because it
would average over another area in a larger one. Of each block the middle is kept.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import keras
import numpy as np
from PIL import Image
from scipy.special import expit, logit

from src.bank.engine import build_engine
from src.bank.openvino_engine import Stream
from src.model.class_map import CELL, Grid, class_map_stages, map_grid
from src.photos.blocks import Block, block_size, in_blocks
from src.photos.reading import crop, rescaled

if TYPE_CHECKING:
    from src.config.photo_schema import PhotoBlocks
    from src.model.decision import Decision

Mirror = tuple[int, ...]  # the axes of (height, width, …) along which an image is flipped


@dataclass(frozen=True)
class Scores:
    """The scores of one photo at one scale.

    Attributes:
        evidence: (rows, columns) float32. The logit of a tile is the mean evidence of its cells.
        probability: (rows - cells + 1, columns - cells + 1) float32, 0 to 1. It has the probability
            of each tile at its first cell. A tile has `cells` x `cells` cells.
        cells: number of cells along a tile's side.
        first: position of the centre of cell 0 along both axes, in pixels of the photo.
        step: distance of two neighbouring cells, in pixels of the photo.
    """

    evidence: np.ndarray
    probability: np.ndarray
    cells: int
    first: float
    step: float

    def nearby(self) -> np.ndarray:
        """Return for each cell the highest probability of the tiles that cover it.

        The result is (rows, columns) float32, 0 to 1.
        """
        border = self.cells - 1
        tiles = np.pad(self.probability, ((0, border), (0, border)))
        square = np.ones((self.cells, self.cells), np.uint8)
        return np.asarray(cv2.dilate(tiles, square, anchor=(border, border)))


@dataclass(frozen=True)
class Scorer:
    """Scores photos of any size.

    Attributes:
        shallow: the first compiled stage of `class_map_stages`. It maps batches of images
            (n, height, width, 3) uint8 to features (n, rows, columns, channels). None: there is no
            such stage, and the features are the images themselves.
        deep: the second compiled stage, which maps these features to evidence (n, rows, columns, 1)
            float32.
        grid: where the cells of a patch lie.
        decision: the decision, which has the temperature and whether mirror images are averaged.
        blocks: the sizes of the blocks, and the number of tiles that are scored alone.
    """

    shallow: Stream | None
    deep: Stream
    grid: Grid
    decision: "Decision"
    blocks: "PhotoBlocks"

    def score(self, photo: Image.Image, scale: float) -> Scores:
        """Score every tile of a photo, in steps of CELL pixels of the resized photo.

        Args:
            photo: an upright RGB photo.
            scale: factor by which the photo is resized, above 0.
        """
        image = rescaled(photo, scale)
        maps = self._maps(image)
        logits = np.stack([tile_means(evidence, self.cells) for evidence in maps])
        if self.blocks.anchors:
            shifts = self._shifts(image, logits)
            maps, logits = maps + shifts, logits + shifts
        # The probabilities of mirror images are averaged, as for the fit of the temperature. This
        # needs float64, because float32 has too few digits near 1 to compute the logit.
        averaged = logit(expit(logits, dtype=np.float64).mean(axis=0))
        return Scores(
            evidence=maps.mean(axis=0) / self.decision.temperature,
            probability=expit(averaged / self.decision.temperature).astype(np.float32),
            cells=self.cells,
            # The middle of pixel p is at p + 0.5 in both pictures.
            first=(self.grid.first + 0.5) / scale - 0.5,
            step=CELL / scale,
        )

    @property
    def cells(self) -> int:
        """The number of cells along a tile's side."""
        return self.grid.cells

    @property
    def patch(self) -> int:
        """The side of the model's patches in pixels."""
        return self.grid.patch

    @property
    def _finer(self) -> int:
        """The number of shallow features in a cell, along a side."""
        return CELL // self.grid.shallow_cell

    def _maps(self, image: Image.Image) -> np.ndarray:
        """Compute the class map of each mirror image (mirror images, rows, columns) float32.

        The maps are flipped back, so that all have the photo's orientation.
        """
        return np.stack(
            [
                np.flip(self._evidence(self._features(image, mirror)), mirror)
                for mirror in self._mirrored
            ]
        )

    def _features(self, image: Image.Image, mirror: Mirror) -> np.ndarray:
        """Compute the shallow features (rows, columns, channels) of the mirrored photo."""
        rows, columns = (
            self.grid.shallow_cells + self._finer * (self._cells_over(side) - self.cells)
            for side in (image.height, image.width)
        )
        whole = self._pixel_sides(rows, columns)
        if self.shallow is None:
            return np.flip(crop(image, 0, 0, whole[1], whole[0]), mirror)
        cell, reach = self.grid.shallow_cell, self.grid.shallow_reach
        most = self.blocks.shallow_megapixels * 1e6 / cell**2
        size = block_size(rows, columns, most, reach)
        height, width = self._pixel_sides(*size)

        def pixels(down: Block, across: Block) -> np.ndarray:
            top, left = down.start * cell, across.start * cell
            if 0 in mirror:
                top = whole[0] - top - height
            if 1 in mirror:
                left = whole[1] - left - width
            return np.flip(crop(image, left, top, width, height), mirror)

        return in_blocks(self.shallow, pixels, (rows, columns), size, reach)

    def _evidence(self, features: np.ndarray) -> np.ndarray:
        """Compute the class map (rows, columns) float32 from features (rows, columns, channels)."""
        finer, patch = self._finer, self.grid.shallow_cells
        rows, columns = (self.cells + (side - patch) // finer for side in features.shape[:2])
        size, halo = self._deep_blocks(rows, columns)
        height, width = (patch + finer * (side - self.cells) for side in size)

        def taken(down: Block, across: Block) -> np.ndarray:
            top, left = down.start * finer, across.start * finer
            return features[top : top + height, left : left + width]

        return in_blocks(self.deep, taken, (rows, columns), size, halo)[..., 0]

    def _deep_blocks(self, rows: int, columns: int) -> tuple[tuple[int, int], int]:
        """Return the rows and columns of a block of cells, and how many are lost at each border."""
        if self.grid.bounded:
            most, halo = self.blocks.deep_megapixels * 1e6 / CELL**2, self.blocks.halo
            return block_size(rows, columns, most, halo), halo
        # Neighbouring patches must overlap, because their last cells reach beyond them.
        return (self.cells, self.cells), min(max(1, self.cells // 4), (self.cells - 1) // 2)

    def _shifts(self, image: Image.Image, logits: np.ndarray) -> np.ndarray:
        """Compute the mean difference of a tile's logit alone and its logit in the photo.

        Args:
            image: the resized photo.
            logits: (mirror images, rows, columns) the logits of its tiles in the photo.

        Returns:
            The differences (mirror images, 1, 1).
        """
        order = np.argsort(logits.mean(axis=0), axis=None, kind="stable")
        chosen = np.linspace(0, len(order) - 1, min(self.blocks.anchors, len(order))).astype(int)
        tops, lefts = np.unravel_index(order[chosen], logits.shape[1:])
        tiles = [
            crop(image, int(left) * CELL, int(top) * CELL, self.patch, self.patch)
            for top, left in zip(tops, lefts, strict=True)
        ]
        alone = []
        for mirror in self._mirrored:
            turned = [np.flip(tile, mirror)[None] for tile in tiles]
            features = list(self.shallow(turned)) if self.shallow else turned
            alone.append([evidence.mean() for evidence in self.deep(features)])
        return np.asarray((alone - logits[:, tops, lefts]).mean(axis=1))[:, None, None]

    def _pixel_sides(self, rows: int, columns: int) -> tuple[int, int]:
        """Return the height and width in pixels of an image with so many shallow features."""
        cell, patch = self.grid.shallow_cell, self.grid.shallow_cells
        height, width = (self.patch + cell * (side - patch) for side in (rows, columns))
        return height, width

    @property
    def _mirrored(self) -> tuple[Mirror, ...]:
        return ((), (0,), (1,), (0, 1)) if self.decision.flips else ((),)

    def _cells_over(self, side: int) -> int:
        """Return the number of cells of the smallest map whose tiles cover `side` pixels."""
        return self.cells + max(0, -(-(side - self.patch) // CELL))


def build_scorer(
    classifier: keras.Model,
    decision: "Decision",
    blocks: "PhotoBlocks",
    threads: int | None = None,
) -> Scorer:
    """Compile a classifier for whole photos.

    Args:
        classifier: a classifier of square patches; see `build_classifier`.
        decision: the decision, which has the engine, its precision and the temperature.
        blocks: the sizes of the blocks, and the number of tiles that are scored alone.
        threads: see `build_engine`.
    """
    first, second = class_map_stages(classifier)
    name, precision = decision.engine, decision.precision
    # The features between the stages are float16 to halve the memory traffic. For f32 they would
    # be less precise than the arithmetic, so they are float32.
    dtype = "float32" if precision == "f32" else "float16"
    shallow = None
    if first:
        shallow = build_engine(
            first, name=name, precision=precision, output=dtype, threads=threads
        ).stream
    inputs = dtype if first else "uint8"
    deep = build_engine(
        second, name=name, precision=precision, output="float32", inputs=inputs, threads=threads
    )
    return Scorer(shallow, deep.stream, map_grid(classifier), decision, blocks)


def tile_means(evidence: np.ndarray, cells: int) -> np.ndarray:
    """Compute the mean evidence of each tile.

    Args:
        evidence: (rows, columns) float32.
        cells: number of cells along a tile's side.

    Returns:
        The means (rows - cells + 1, columns - cells + 1) float32.
    """
    square = cells, cells
    means = cv2.boxFilter(evidence, -1, square, anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(means[: 1 - cells or None, : 1 - cells or None])
