"""Windows of photographs that this project draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from src.config.code_closure import code_fingerprint
from src.config.source_schema import Drawn
from src.data.dataset import Collected, Origin
from src.data.drawn.photograph import draw_photograph
from src.data.sources.windowed_photos import WindowedPhoto, write_windows
from src.data.sources.windows import Window, cut_windows

# The modules that draw and cut. Other code makes other windows of the same settings.
DRAWING = ("src.data.drawn.photograph", "src.data.sources.windows")


@dataclass(frozen=True)
class DrawnSource:
    """A source that draws photographs, and cuts windows from them; see `draw_photograph`.

    Attributes:
        data: the settings of the dataset.
    """

    data: Drawn

    @property
    def name(self) -> str:
        return f"drawn, {self.data.photos} photographs, seed {self.data.seed}"

    def state(self, classes: Sequence[str]) -> str:
        return " ".join(map(code_fingerprint, DRAWING))

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        """Draw the photographs, and write their windows to `staging/<class>/<file>`.

        Args:
            staging: an empty folder.
            classes: the class names.
        """
        names = [f"{number:05}" for number in range(self.data.photos)]
        draw = partial(_drawn_windows, self.data)
        photos = [WindowedPhoto(name, Origin(name), draw) for name in names]
        quality, seed = self.data.windows.quality, self.data.seed
        return write_windows(photos, staging, classes, quality=quality, seed=seed)


def _drawn_windows(data: Drawn, rng: np.random.Generator) -> list[Window]:
    cracked = rng.random() < data.cracked
    photo = draw_photograph(rng, data.height, data.width, cracked=cracked)
    return cut_windows(photo.pixels, photo.mask, data.windows, image_size=data.image_size, rng=rng)
