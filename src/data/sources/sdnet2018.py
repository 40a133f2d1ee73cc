"""SDNET2018: patches of bridge decks, pavements and walls (Maguire, Dorafshan and Thomas 2018)."""

import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from src.config.source_schema import Sdnet2018
from src.data.dataset import Collected, Origin, Rejected
from src.data.files import file_sha256, write_text
from src.data.sources.archive import unpack
from src.data.sources.download import Unavailable, download
from src.data.sources.folder_names import is_hidden
from src.errors import InputError

# The letter of each surface. The folder D/CD holds cracked decks, and D/UD holds whole ones.
_LETTERS = {"decks": "D", "pavements": "P", "walls": "W"}
_CRACKED = {False: "U", True: "C"}
_NAME = re.compile(r"(\d+)-\d+\.jpg", re.IGNORECASE)


@dataclass(frozen=True)
class Sdnet2018Source:
    """The zip file of Utah State University. Its server refuses some clients that are not browsers.

    A zip file that the user has put into `data.downloads` is used as it is. The content of the
    unpacked images must be that of the first fetch, which is written to `data.pin`.

    Attributes:
        data: the settings of the dataset.
    """

    data: Sdnet2018

    @property
    def name(self) -> str:
        return f"sdnet2018 {', '.join(self.data.surfaces)}"

    def state(self, classes: Sequence[str]) -> str | None:
        """Compute the SHA-256 (hex) of the file with corrected labels; None if there is none."""
        labels = self.data.deck_labels
        return file_sha256(Path(labels)) if labels and Path(labels).is_file() else None

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        """Download the zip file if necessary, and write its images to `staging/<class>/<file>`.

        Args:
            staging: an empty folder.
            classes: the class names.

        Returns:
            The images' photographs, and decks without a corrected label, which are left out.

        Raises:
            InputError: the zip file is missing, or it is damaged. It is also raised if a folder
                of images is missing or has other content than at the first fetch, and if the file
                with corrected labels is not as expected.
        """
        data, archive = self.data, self._obtain()
        corrected = read_deck_labels(Path(data.deck_labels)) if data.deck_labels else None
        with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=staging) as unpacked:
            unpack(archive, Path(unpacked), max_ratio=data.max_ratio)
            folders = _image_folders(Path(unpacked), archive, data.surfaces)
            hold_to_pin(folders, Path(data.pin), archive)
            return _lay_out(folders, staging, classes, corrected)

    def _obtain(self) -> Path:
        data = self.data
        archive = Path(data.downloads) / data.filename
        by_hand = (
            f"By hand: open {data.page} in a browser, download {data.filename} (about 504 MiB), "
            f"put it at {archive}, and run again."
        )
        if not archive.exists():
            try:
                download(data.url, archive, size=None, sha256=None, http=data.http)
            except Unavailable as failure:
                raise InputError(f"{failure}.\n{by_hand}") from failure
            if not zipfile.is_zipfile(archive):
                archive.unlink()
                raise InputError(f"{data.url} gave no zip file; it was deleted.\n{by_hand}")
        return archive


def read_deck_labels(path: Path) -> dict[str, bool]:
    """Read the labels of decks from a table of the Building Inspection Toolkit.

    Args:
        path: a CSV file. Its column `img_path` ends in `CD/<file>` or `UD/<file>` for decks, and
            `Crack` is 1 if the image has a crack, else 0.

    Returns:
        Whether each deck has a crack, by file name. A deck without a label is left out.

    Raises:
        InputError: the file is missing, is not such a table, or has no deck.
    """
    try:
        kinds = {"img_path": "str", "Crack": "float64"}
        table = pd.read_csv(path, usecols=list(kinds), dtype=kinds).dropna()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no table with img_path and Crack ({error})") from error
    file = table.img_path.str.extract(r"\b[CU]D/([^/]+)$", expand=False)
    labels = table.Crack[file.notna()] > 0
    if labels.empty:
        raise InputError(f"{path} has no deck of SDNET2018, whose img_path ends in CD/… or UD/…")
    return dict(zip(file.dropna(), labels.tolist(), strict=True))


def hold_to_pin(folders: Sequence[Path], pin: Path, archive: Path) -> None:
    """Check the folders' content against the pin, and add folders that it does not have yet.

    Args:
        folders: folders of images with different names.
        pin: a JSON file with the SHA-256 of each folder's content by the folder's name.
        archive: where the images come from, for the message.

    Raises:
        InputError: a folder has other content than the pin says, or the pin cannot be read.
    """
    found = {folder.name: _content(folder) for folder in tqdm(folders, "checksums", unit="folder")}
    try:
        pinned = json.loads(pin.read_text(encoding="utf-8")) if pin.exists() else {}
        other = [name for name in found if pinned.get(name, found[name]) != found[name]]
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{pin} cannot be read ({error}): restore it, or delete it") from error
    if other:
        raise InputError(
            f"{archive}: its images in {', '.join(other)} are not those of the first fetch, which "
            f"{pin} pins. Get the file anew; if the publisher has changed it, delete {pin}"
        )
    if pinned | found != pinned:
        write_text(pin, json.dumps(pinned | found, indent=2, sort_keys=True) + "\n")


def _content(folder: Path) -> str:
    """Compute the SHA-256 (hex) of the lines `<sha256>  <file>`, sorted by file.

    Hidden files, which macOS adds when it packs a folder again, do not count.
    """
    files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    lines = (f"{file_sha256(file)}  {file.name}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _image_folders(unpacked: Path, archive: Path, surfaces: Sequence[str]) -> list[Path]:
    names = [
        _CRACKED[crack] + _LETTERS[name] for name in sorted(set(surfaces)) for crack in _CRACKED
    ]
    folders = [path for path in unpacked.rglob("*") if path.is_dir()]
    # macOS packs a second folder of each name, in a folder that is hidden.
    hidden = [any(map(is_hidden, path.relative_to(unpacked).parts)) for path in folders]
    found = {path.name: path for path, unseen in zip(folders, hidden, strict=True) if not unseen}
    if missing := [name for name in names if name not in found]:
        raise InputError(f"{archive} holds no folder {', '.join(missing)}: get it anew")
    return [found[name] for name in names]


def _lay_out(
    folders: Sequence[Path],
    staging: Path,
    classes: Sequence[str],
    corrected: dict[str, bool] | None,
) -> Collected:
    for name in classes:
        (staging / name).mkdir()
    origins, left_out = {}, []
    for folder in folders:
        surface, cracked = folder.name[1], folder.name[0] == _CRACKED[True]
        for file in tqdm(sorted(folder.iterdir()), f"collecting {folder.name}", unit="image"):
            named = _NAME.fullmatch(file.name)
            if named is None:
                left_out.append(Rejected(f"{folder.name}/{file.name}", "not <photo>-<number>.jpg"))
                continue
            if surface == _LETTERS["decks"] and corrected is not None:
                if file.name not in corrected:
                    left_out.append(Rejected(f"{folder.name}/{file.name}", "no corrected label"))
                    continue
                cracked = corrected[file.name]
            path = f"{classes[cracked]}/{folder.name}-{file.name}"
            shutil.move(file, staging / path)
            origins[path] = Origin(f"{surface}-{named[1]}")
    return Collected(left_out, origins)
