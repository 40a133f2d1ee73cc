"""Names of photos as text that is safe in terminals, tables and spreadsheets."""

import os
import re

from src.data.remote import AnyPath, path_within

# A spreadsheet runs a cell as a formula if it starts with one of these:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULAS = re.compile(r"^(?=[=+@-])|(?<=;)(?=\"*[=+@-])")
# Control characters and the line breaks of Unicode, with the escape sequences that stand for them.
_CONTROLS = {c: rf"\u{c:04x}" for c in (*range(32), *range(127, 160), 0x2028, 0x2029)}


def photo_name(path: AnyPath, root: AnyPath) -> str:
    """Return the name of the photo at `path` within the folder `root`.

    Control characters are written as escape sequences such as `\\u000d`, and bytes that are not
    UTF-8 as `\\xdf`. A backslash is doubled, so names of different photos stay different.
    """
    within = os.fsencode(path_within(path, root).as_posix())
    text = within.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
    return text.translate(_CONTROLS)


def printable(text: str) -> str:
    """Return the text for a terminal, with escape sequences such as `\\x1b` for control characters.

    The terminal does not carry out such characters.
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def guarded(text: str) -> str:
    """Return the text for one cell of a spreadsheet, with an apostrophe if it would run.

    Control characters are written as escape sequences, as a line break could begin another cell. So
    does a semicolon in countries with a decimal comma, so what follows it gets an apostrophe, too.
    The apostrophe stands before quotes, which a spreadsheet would take away.
    """
    return _FORMULAS.sub("'", text.translate(_CONTROLS))
