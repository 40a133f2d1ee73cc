"""Synthetic patches, which this project draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.config.code_closure import code_fingerprint
from src.config.source_schema import Synthetic
from src.data.dataset import Collected
from src.data.drawn.pictures import write_patches

# The module that draws. Other code draws other images of the same settings.
DRAWING = "src.data.drawn.pictures"


@dataclass(frozen=True)
class SyntheticSource:
    """A source that draws its images; see `write_patches`.

    Attributes:
        data: the settings of the dataset.
    """

    data: Synthetic

    @property
    def name(self) -> str:
        return f"synthetic, {self.data.images} images, seed {self.data.seed}"

    def state(self, classes: Sequence[str]) -> str:
        return code_fingerprint(DRAWING)

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        drawn = self.data
        write_patches(
            staging,
            images=drawn.images,
            seed=drawn.seed,
            size=drawn.image_size,
            classes=classes,
        )
        return Collected()
