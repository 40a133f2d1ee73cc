"""Photographs with masks in a folder of this machine, from which windows are cut."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from src.config.source_schema import PhotosWithMasks, Windows
from src.data.dataset import Collected, Origin
from src.data.sources.colour_pictures import UnusableImage, read_mask, read_upright
from src.data.sources.folder_names import composed_name, is_hidden
from src.data.sources.windowed_photos import WindowedPhoto, write_windows
from src.data.sources.windows import Window, cut_windows, whole_window
from src.errors import InputError

LABELS = "labels.csv"
_COLUMNS = ("file", "cracked", "mask", "set", "photo")


@dataclass(frozen=True)
class PhotosSource:
    """A folder of photographs with masks.

    It holds either `labels.csv` or the folders `images` and `masks`. The table has the columns
    `file` and `mask` (paths in the folder) and `cracked` (0 or 1). The column `photo` names what
    belongs to one photograph, and `set` names the source. Both may be missing. In the other case
    the mask of `images/NAME.jpg` is `masks/NAME.png` or another picture of that name. A photograph
    without cracks has a black mask.

    Attributes:
        data: the settings of the dataset.
    """

    data: PhotosWithMasks

    @property
    def name(self) -> str:
        return f"photos {Path(self.data.path).name}"

    def state(self, classes: object) -> str | None:
        return state_of_folder(Path(self.data.path))

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        """Cut windows from the photographs, and write them to `staging/<class>/<file>`.

        Args:
            staging: an empty folder.
            classes: the class names.

        Raises:
            InputError: there is no such folder, or its table or folders are not as expected.
        """
        data, folder = self.data, Path(self.data.path)
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; give a folder of photographs with masks")
        if (folder / LABELS).is_file():
            photos = self._labelled(folder)
        else:
            pairs = pair_masks(folder / "images", folder / "masks")
            photos = windowed_pairs(pairs, data.windows, data.image_size)
        quality = data.windows.quality
        return write_windows(photos, staging, classes, quality=quality, seed=data.seed)

    def _labelled(self, folder: Path) -> list[WindowedPhoto]:
        photos = []
        for row in read_labels(folder / LABELS).to_dict("records"):
            file, mask, photo, source = (row[key] for key in ("file", "mask", "photo", "set"))
            masked = folder / mask if mask else None
            cut = partial(_cut_labelled, folder / file, masked, row["cracked"] == "1", self.data)
            name = file.replace("/", "-").replace("\\", "-")
            photos.append(WindowedPhoto(name, Origin(photo or file, source or None), cut))
        return photos


def state_of_folder(folder: Path) -> str | None:
    """Compute a SHA-256 (hex) of the name, size and time of each file; None without files.

    Links to folders are followed. So are the paths in `labels.csv` that lead out of the folder.
    """
    stats = [(file.relative_to(folder), file.stat()) for file in _files_in(folder)]
    stats += [(file, (folder / file).stat()) for file in _named_elsewhere(folder)]
    lines = [f"{name} {stat.st_size} {stat.st_mtime_ns}\n" for name, stat in stats]
    return hashlib.sha256(os.fsencode("".join(lines))).hexdigest() if lines else None


def _files_in(folder: Path) -> list[Path]:
    files, seen = [], set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        place = Path(parent).resolve()
        if place in seen:  # a circle of links
            folders.clear()
            continue
        seen.add(place)
        files += [file for name in names if (file := Path(parent, name)).is_file()]
    return sorted(files)


def _named_elsewhere(folder: Path) -> list[Path]:
    """Return the paths in a folder's labels.csv of files that do not lie in the folder."""
    try:
        table = read_labels(folder / LABELS)
    except InputError:  # the table is missing or damaged, which the fetch says
        return []
    named = (Path(name) for name in sorted({*table.file, *table["mask"]} - {""}))
    away = (path for path in named if path.is_absolute() or ".." in path.parts)
    return [path for path in away if (folder / path).is_file()]


def pair_masks(images: Path, masks: Path) -> list[tuple[Path, Path]]:
    """Pair the photographs of one folder with the masks of the same names in another.

    Raises:
        InputError: a folder is missing or empty or holds a folder, or a photograph has no mask or
            several.
    """
    for folder in (images, masks):
        if not folder.is_dir():
            raise InputError(
                f"{folder}: no such folder; photographs need {LABELS}, or {images.name}/ with the "
                f"photographs and {masks.name}/ with masks of the same names"
            )
    masks_of: dict[str, list[Path]] = {}
    for mask in _pictures(masks):
        masks_of.setdefault(composed_name(mask.stem), []).append(mask)
    found = {image: masks_of.get(composed_name(image.stem), []) for image in _pictures(images)}
    if not found:
        raise InputError(f"{images} holds no photograph")
    for image, masked in found.items():
        if len(masked) != 1:
            problem = f"several masks in {masks}" if masked else f"no mask in {masks}"
            raise InputError(f"{image} has {problem}; give one mask, which is black for no crack")
    return [(image, masked[0]) for image, masked in found.items()]


def windowed_pairs(
    pairs: list[tuple[Path, Path]], rule: Windows, image_size: int
) -> list[WindowedPhoto]:
    """Make photographs that windows are cut from; see `WindowedPhoto`.

    Args:
        pairs: each photograph and its mask.
        rule: see `cut_windows`.
        image_size: height and width of a window in pixels.
    """
    return [
        WindowedPhoto(image.stem, Origin(image.stem), partial(_cut, image, mask, rule, image_size))
        for image, mask in pairs
    ]


def _cut(
    image: Path, mask: Path, rule: Windows, image_size: int, rng: np.random.Generator
) -> list[Window]:
    pixels, cracks = read_upright(image), read_mask(mask)
    if pixels.shape[:2] != cracks.shape:
        (height, width), (other, across) = pixels.shape[:2], cracks.shape
        raise UnusableImage(
            f"{width} x {height} pixels, and its mask {mask.name} has {across} x {other}"
        )
    return cut_windows(pixels, cracks, rule, image_size=image_size, rng=rng)


def refuse_contradiction(mask: Path, cracks: np.ndarray, cracked: bool) -> None:
    """Refuse a mask that shows cracks where the table has none, or none where it has cracks.

    Raises:
        UnusableImage: the mask and the table contradict each other.
    """
    if bool(cracks.any()) != cracked:
        shown = "has cracks" if cracks.any() else "is black"
        raise UnusableImage(
            f"the table has cracked={int(cracked)}, but its mask {mask.name} {shown}"
        )


def _cut_labelled(
    image: Path, mask: Path | None, cracked: bool, data: PhotosWithMasks, rng: np.random.Generator
) -> list[Window]:
    if mask:
        refuse_contradiction(mask, read_mask(mask), cracked)
        return _cut(image, mask, data.windows, data.image_size, rng)
    pixels = read_upright(image)
    if max(pixels.shape[:2]) <= data.patch_side:
        return [whole_window(pixels, int(cracked), data.image_size)]
    if cracked:
        raise UnusableImage(f"cracked, without a mask, and larger than {data.patch_side} pixels")
    nothing = np.zeros(pixels.shape[:2], bool)
    return cut_windows(pixels, nothing, data.windows, image_size=data.image_size, rng=rng)


def read_labels(path: Path) -> pd.DataFrame:
    """Read a `labels.csv`; see `PhotosSource`. Missing columns are filled with empty texts.

    Raises:
        InputError: the file is no table, or a column or a value is not as expected.
    """
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a table ({error})") from error
    missing = {"file", "cracked", "mask"} - set(table.columns)
    if missing:
        raise InputError(f"{path} has no column {', '.join(sorted(missing))}")
    table = table.reindex(columns=list(_COLUMNS), fill_value="")
    odd = table[~table.cracked.isin(("0", "1"))]
    if len(odd):
        image = odd.iloc[0]
        raise InputError(f"{path}: {image.file} has cracked={image.cracked!r}; give 0 or 1")
    sets = table.set[~table.set.str.fullmatch(r"[\w-]*")]
    if len(sets):
        raise InputError(
            f"{path}: the set {sets.iloc[0]!r} should have letters, digits, _ and - only"
        )
    return table


def _pictures(folder: Path) -> list[Path]:
    visible = sorted(path for path in folder.iterdir() if not is_hidden(path.name))
    if inner := [path for path in visible if path.is_dir()]:
        raise InputError(
            f"{folder} holds a folder, {inner[0].name}: put the pictures straight into "
            f"{folder.name}/, or name them in {LABELS}"
        )
    return [path for path in visible if path.is_file()]
