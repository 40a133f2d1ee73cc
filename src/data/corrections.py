"""What a person says about findings on photos, kept as corrections.csv beside the results.

Each row is a box in a photo and the truth about it: whether it shows a crack. Further columns say
what the person corrected, who it was, and when.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pandas as pd
from pydantic import Field, ValidationError

from src.config.section import Section
from src.data.files import write_text
from src.errors import InputError

if TYPE_CHECKING:
    from src.data.remote import AnyPath

CORRECTIONS = "corrections.csv"
MISSED = "crack missed"
# A spreadsheet runs a cell that starts with one of these. Such text, and text that starts with an
# apostrophe, gets an apostrophe before it, which is taken away when the file is read.
_GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_TEXTS = ("photo", "file", "by")
Pixels = Annotated[int, Field(ge=0)]
Side = Annotated[int, Field(ge=1)]


class Correction(Section):
    """A box in a photo, and what a person says about it.

    Attributes:
        photo: name of the photo, as in photos.json.
        file: path of the photo, relative to the folder of corrections.csv, or absolute.
        x: left column of the box, in pixels of the upright photo.
        y: top row of the box.
        width: number of columns of the box.
        height: number of rows of the box.
        label: the person's word. `crack missed` is a box that the person has drawn. The others are
            about a region of the model's, or about the whole photo.
        cracked: whether the box shows a crack.
        by: the person's name, which may be empty.
        at: the time in ISO 8601, UTC.
    """

    photo: str
    file: str
    x: Pixels
    y: Pixels
    width: Side
    height: Side
    label: Literal["no crack", "crack missed", "right"]
    cracked: bool
    by: Annotated[str, Field(min_length=0)]
    at: str

    @classmethod
    def of_box(cls, box: Sequence[int], **said: object) -> "Correction":
        """Make a correction about a box.

        Args:
            box: left, top, right and bottom in pixels. Right and bottom are excluded.
            said: the other attributes.
        """
        left, top, right, bottom = box
        place = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        return cls.model_validate({**place, **said})

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels. Right and bottom are excluded."""
        return self.x, self.y, self.x + self.width, self.y + self.height


def read_corrections(folder: "AnyPath") -> list[Correction]:
    """Read the corrections of a folder of results. Without a file there are none.

    Raises:
        InputError: a row is not a correction; the message names it.
    """
    path = folder / CORRECTIONS
    try:
        table = pd.read_csv(io.BytesIO(path.read_bytes()), dtype=str, keep_default_na=False)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as a table: {error}") from error
    found = []
    for number, row in enumerate(table.to_dict("records"), start=2):
        try:
            found.append(Correction.model_validate_strings({k: _plain(v) for k, v in row.items()}))
        except ValidationError as error:
            first = error.errors()[0]
            column = ".".join(map(str, first["loc"]))
            raise InputError(f"{path}, line {number}: {column}: {first['msg']}") from error
    return found


def in_force(corrections: Sequence[Correction], width: int, height: int) -> list[Correction]:
    """Return those corrections of a photo that count.

    The last one about a box replaces the earlier ones. In a photo whose last word is that it has no
    crack, no region shows one any more. Boxes of missed cracks count nevertheless.

    Args:
        corrections: the corrections of one photo, in their order.
        width: width of the photo in pixels.
        height: height of the photo in pixels.
    """
    last = {one.box: one for one in corrections}
    whole = last.get((0, 0, width, height))
    clear = whole is not None and not whole.cracked
    return [one for one in last.values() if not (clear and one.cracked and one.label != MISSED)]


def write_corrections(folder: Path, corrections: Sequence[Correction]) -> None:
    """Write the corrections to corrections.csv in a folder.

    Raises:
        InputError: the file cannot be written.
    """
    rows = [one.model_dump() for one in corrections]
    table = pd.DataFrame(rows, columns=list(Correction.model_fields))
    table["cracked"] = table["cracked"].astype(int)
    for column in _TEXTS:
        table[column] = table[column].map(_guarded)
    # A carriage return within a text would end the row if the text had no quotes.
    write_text(folder / CORRECTIONS, table.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC))


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_GUARDED) else text


def _plain(text: str) -> str:
    return text[1:] if text.startswith("'") else text
