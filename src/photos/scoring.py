"""How likely each tile of a photo is to show a crack, by one pass over the photo.

Overlapping tiles share most of their convolutions, so the network runs once, over large blocks of
the photo, and a tile's logit is the mean of the class map under it. A tile that is scored alone has
zeros around it where the photo goes on. That shifts a photo's logits, all by about as much: some
real tiles, spread over the map's whole range, tell by how much (docs/photos.md has the figures).

The network runs in two stages: its shallow layers over small pieces, which keep their large
activations in the processor's cache, and the deep ones over large blocks, of which less is lost to
borders.
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
from src.model.class_map import (
    CELL,
    SHALLOW_CELL,
    SHALLOW_REACH,
    class_map_stages,
    first_centre,
    patch_cells,
)
from src.photos.blocks import Block, block_size, in_blocks
from src.photos.reading import crop, rescaled

if TYPE_CHECKING:
    from src.config.tool_schema import PhotoEngine
    from src.model.decision import Decision

FINER = CELL // SHALLOW_CELL  # shallow features in a cell, along a side
Mirror = tuple[int, ...]  # the axes of (height, width, …) along which it is flipped


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
class Scorer:
    """Scores photos of any size.

    Attributes:
        shallow: compiled, the first of `class_map_stages`: batches of images (n, height, width, 3)
            uint8 to features (n, rows, columns, channels).
        deep: compiled, the second: to (n, rows, columns, 1) float32.
        patch: side of the model's patches in pixels.
        decision: its temperature, and whether mirror images are averaged.
        engine: sizes of the blocks, and how many tiles are scored alone.
    """

    shallow: Stream
    deep: Stream
    patch: int
    decision: "Decision"
    engine: "PhotoEngine"

    def score(self, photo: Image.Image, scale: float) -> Scores:
        """Score every tile of an RGB photo, `scale` times its size, in steps of CELL pixels."""
        image = rescaled(photo, scale)
        maps = self._maps(image)
        logits = np.stack([tile_means(evidence, self.cells) for evidence in maps])
        if self.engine.anchors:
            shifts = self._shifts(image, logits)
            maps, logits = maps + shifts, logits + shifts
        # Probabilities are averaged, as where the temperature was fitted, in float64: near 1
        # float32 has too few digits for the way back to a logit.
        averaged = logit(expit(logits, dtype=np.float64).mean(axis=0))
        return Scores(
            evidence=maps.mean(axis=0) / self.decision.temperature,
            probability=expit(averaged / self.decision.temperature).astype(np.float32),
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
        return np.stack(
            [
                np.flip(self._evidence(self._features(image, mirror)), mirror)
                for mirror in self._mirrored
            ]
        )

    def _features(self, image: Image.Image, mirror: Mirror) -> np.ndarray:
        """The shallow features (rows, columns, channels) of the mirrored photo."""
        finer = patch_cells(self.patch, SHALLOW_CELL)
        rows, columns = (
            finer + FINER * (self._grid(side) - self.cells) for side in (image.height, image.width)
        )
        whole = self._pixel_sides(rows, columns)
        most = self.engine.shallow_megapixels * 1e6 / SHALLOW_CELL**2
        size = block_size(rows, columns, most, SHALLOW_REACH)
        height, width = self._pixel_sides(*size)

        def pixels(down: Block, across: Block) -> np.ndarray:
            top, left = down.start * SHALLOW_CELL, across.start * SHALLOW_CELL
            if 0 in mirror:
                top = whole[0] - top - height
            if 1 in mirror:
                left = whole[1] - left - width
            return np.flip(crop(image, left, top, width, height), mirror)

        return in_blocks(self.shallow, pixels, (rows, columns), size, SHALLOW_REACH)

    def _evidence(self, features: np.ndarray) -> np.ndarray:
        """The map (rows, columns) float32 of shallow features (rows, columns, channels)."""
        finer = patch_cells(self.patch, SHALLOW_CELL)
        rows, columns = (self.cells + (side - finer) // FINER for side in features.shape[:2])
        size = block_size(
            rows, columns, self.engine.deep_megapixels * 1e6 / CELL**2, self.engine.halo
        )
        height, width = (finer + FINER * (side - self.cells) for side in size)

        def taken(down: Block, across: Block) -> np.ndarray:
            top, left = down.start * FINER, across.start * FINER
            return features[top : top + height, left : left + width]

        return in_blocks(self.deep, taken, (rows, columns), size, self.engine.halo)[..., 0]

    def _shifts(self, image: Image.Image, logits: np.ndarray) -> np.ndarray:
        """(mirror images, 1, 1): how much higher tiles score alone than in the photo, on average.

        Args:
            image: the photo.
            logits: (mirror images, rows, columns), of its tiles.
        """
        order = np.argsort(logits.mean(axis=0), axis=None, kind="stable")
        chosen = np.linspace(0, len(order) - 1, min(self.engine.anchors, len(order))).astype(int)
        tops, lefts = np.unravel_index(order[chosen], logits.shape[1:])
        tiles = [
            crop(image, int(left) * CELL, int(top) * CELL, self.patch, self.patch)
            for top, left in zip(tops, lefts, strict=True)
        ]
        alone = []
        for mirror in self._mirrored:
            features = list(self.shallow(np.flip(tile, mirror)[None] for tile in tiles))
            alone.append([evidence.mean() for evidence in self.deep(features)])
        return np.asarray((alone - logits[:, tops, lefts]).mean(axis=1))[:, None, None]

    def _pixel_sides(self, rows: int, columns: int) -> tuple[int, int]:
        """Height and width in pixels of what has so many shallow features."""
        finer = patch_cells(self.patch, SHALLOW_CELL)
        height, width = (self.patch + SHALLOW_CELL * (side - finer) for side in (rows, columns))
        return height, width

    @property
    def _mirrored(self) -> tuple[Mirror, ...]:
        return ((), (0,), (1,), (0, 1)) if self.decision.flips else ((),)

    def _grid(self, side: int) -> int:
        """Cells of the smallest map whose tiles cover `side` pixels."""
        return self.cells + max(0, -(-(side - self.patch) // CELL))


def build_scorer(classifier: keras.Model, decision: "Decision", engine: "PhotoEngine") -> Scorer:
    """Compile a classifier from `build_classifier` for whole photos.

    Args:
        classifier: of square patches.
        decision: what computes it and how precisely, and how its outputs become probabilities.
        engine: the sizes of the blocks, and how many tiles are scored alone.
    """
    first, second = class_map_stages(classifier)
    name, precision = decision.engine, decision.precision
    # Between the stages: half the memory to write and read where that is as fine as the arithmetic.
    dtype = "float32" if precision == "f32" else "float16"
    shallow = build_engine(first, name=name, precision=precision, output=dtype)
    deep = build_engine(second, name=name, precision=precision, output="float32", inputs=dtype)
    patch = int(classifier.input_shape[1])
    return Scorer(shallow.stream, deep.stream, patch, decision, engine)


def tile_means(evidence: np.ndarray, cells: int) -> np.ndarray:
    """(rows - cells + 1, columns - cells + 1) means of the squares of `cells` x `cells`."""
    square = cells, cells
    means = cv2.boxFilter(evidence, -1, square, anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(means[: 1 - cells or None, : 1 - cells or None])
