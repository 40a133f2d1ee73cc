"""Windows of the photographs of the Concrete Crack Segmentation Dataset (Özgenel 2019)."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.config.source_schema import Ozgenel
from src.data.dataset import Collected
from src.data.sources.archive import unpack
from src.data.sources.mendeley import obtain_archive
from src.data.sources.photo_folder import pair_masks, windowed_pairs
from src.data.sources.windowed_photos import write_windows
from src.errors import InputError

# The archive's folders of photographs and of their masks.
_PHOTOS, _MASKS = "rgb", "BW"


@dataclass(frozen=True)
class OzgenelSource:
    """An archive of photographs and masks on Mendeley Data; see `obtain_archive`.

    Attributes:
        data: the settings of the dataset.
    """

    data: Ozgenel

    @property
    def name(self) -> str:
        return f"ozgenel {self.data.dataset} version {self.data.version}"

    def state(self, classes: Sequence[str]) -> None:
        return None

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        """Download the archive if necessary, and write windows to `staging/<class>/<file>`.

        Args:
            staging: an empty folder.
            classes: the class names.

        Raises:
            InputError: the archive is missing or damaged, or it has other folders.
        """
        data, archive = self.data, obtain_archive(self.data)
        with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=staging) as unpacked:
            unpack(archive, Path(unpacked), max_ratio=data.max_ratio)
            found = [folder for folder in Path(unpacked).rglob(_PHOTOS) if folder.is_dir()]
            if len(found) != 1:
                raise InputError(f"{archive} holds {len(found)} folders named {_PHOTOS}, not one")
            pairs = pair_masks(found[0], found[0].with_name(_MASKS))
            photos = windowed_pairs(pairs, data.windows, data.image_size)
            quality = data.windows.quality
            return write_windows(photos, staging, classes, quality=quality, seed=data.seed)
