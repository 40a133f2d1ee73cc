"""Names of photos, safe to show and to keep wherever they come from."""

import os
from pathlib import Path

# A spreadsheet takes a cell that starts with one of these for a formula, and runs it:
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def photo_name(path: Path, root: Path) -> str:
    """The name of the photo at `path` within the folder `root`, as people and tables read it.

    Bytes that are no UTF-8 are escaped, as `\\xdf`, and still tell one photo from another.
    """
    within = path.relative_to(root).as_posix()
    return os.fsencode(within).decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    """The text for a terminal: control characters are escaped, as `\\x1b`, and do nothing."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def guarded(text: str) -> str:
    """The text for a cell of a spreadsheet; one that would run gets an apostrophe before it."""
    return f"'{text}" if text.startswith(FORMULA) else text
