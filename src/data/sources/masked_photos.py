"""Whole photographs that are known to have cracks or none. Masks mostly say where."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from src.data.drawn.photograph import draw_photograph
from src.data.image_batches import evenly_spread
from src.data.sources.colour_pictures import UnusableImage, read_mask, read_upright
from src.data.sources.photo_folder import LABELS, pair_masks, read_labels, refuse_contradiction
from src.errors import InputError

Pixels = np.ndarray  # (height, width, 3) uint8 RGB
Mask = np.ndarray  # (height, width) bool, True on a crack


@dataclass(frozen=True)
class MaskedPhoto:
    """A photograph that is read or drawn when it is needed.

    Attributes:
        name: its name, which no other photograph has.
        group: what it belongs to. Photographs of one group show the same place.
        source: `drawn`, or the folder or the set of a real photograph.
        load: function that returns the pixels and the mask. The mask is None if the photograph is
            cracked and it is not known where. It raises `UnusableImage` if a file cannot be used.
    """

    name: str
    group: str
    source: str
    load: Callable[[], tuple[Pixels, Mask | None]]


def drawn_photos(count: int, height: int, width: int, seed: int) -> list[MaskedPhoto]:
    """Return photographs to be drawn; every second one has cracks.

    Args:
        count: number of photographs.
        height: height in pixels.
        width: width in pixels.
        seed: seed, 0 or more. A longer series begins with the same photographs as a shorter one.
    """

    def draw(number: int) -> tuple[Pixels, Mask | None]:
        rng = np.random.default_rng([seed, number])
        drawn = draw_photograph(rng, height, width, cracked=bool(number % 2))
        return drawn.pixels, drawn.mask

    names = [f"drawn-{number:04}" for number in range(count)]
    return [
        MaskedPhoto(name, name, "drawn", partial(draw, number)) for number, name in enumerate(names)
    ]


def photos_in(folders: Sequence[str], most: int) -> list[MaskedPhoto]:
    """Return real photographs of folders with masks; see `PhotosSource`.

    Args:
        folders: the folders.
        most: the most photographs of each set of a folder. They are spread evenly over the set.

    Raises:
        InputError: a folder does not exist, or its table or folders are not as expected.
    """
    return [photo for folder in folders for photo in _sampled(_photos_of(Path(folder)), most)]


def _sampled(photos: list[MaskedPhoto], most: int) -> Iterator[MaskedPhoto]:
    for source in sorted({photo.source for photo in photos}):
        of_source = [photo for photo in photos if photo.source == source]
        yield from (of_source[at] for at in evenly_spread(len(of_source), most))


def _photos_of(folder: Path) -> list[MaskedPhoto]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give folders of photographs with masks")
    if not (folder / LABELS).is_file():
        pairs = pair_masks(folder / "images", folder / "masks")
        return [
            MaskedPhoto(str(image), str(image), folder.name, partial(_read, image, mask, None))
            for image, mask in pairs
        ]
    photos = []
    for row in read_labels(folder / LABELS).to_dict("records"):
        image, mask = folder / row["file"], folder / row["mask"] if row["mask"] else None
        source = row["set"] or folder.name
        group = f"{source}/{row['photo'] or row['file']}"
        load = partial(_read, image, mask, row["cracked"] == "1")
        photos.append(MaskedPhoto(str(image), group, source, load))
    return photos


def _read(image: Path, mask: Path | None, cracked: bool | None) -> tuple[Pixels, Mask | None]:
    pixels = read_upright(image)
    cracks = read_mask(mask) if mask else None
    if mask and cracks is not None and cracked is not None:
        refuse_contradiction(mask, cracks, cracked)
    if cracks is None and not cracked:
        cracks = np.zeros(pixels.shape[:2], bool)
    if cracks is not None and cracks.shape != pixels.shape[:2]:
        raise UnusableImage(f"{image} and its mask {mask} differ in size")
    return pixels, cracks
