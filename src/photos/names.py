"""Names of photos as text that is safe in terminals, tables and spreadsheets."""

import os

from src.data.remote import AnyPath, path_within

# A spreadsheet runs a cell as a formula if it starts with one of these:
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def photo_name(path: AnyPath, root: AnyPath) -> str:
    """Return the name of the photo at `path` within the folder `root`.

    Bytes that are not UTF-8 are written as escape sequences such as `\\xdf`, and a backslash is
    doubled. Names of different photos thus stay different.
    """
    within = os.fsencode(path_within(path, root).as_posix())
    return within.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    """Return the text for a terminal, with escape sequences such as `\\x1b` for control characters.

    The terminal does not carry out such characters.
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def guarded(text: str) -> str:
    """Return the text for a cell of a spreadsheet, with an apostrophe if it would run."""
    return f"'{text}" if text.startswith(FORMULA) else text
