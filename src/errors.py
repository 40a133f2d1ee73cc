"""The exception for errors that the user can correct."""

import re

# RFC 3986, 3.2.1: what stands between the two slashes and the host of an address.
_USER_INFORMATION = re.compile(r"(?<=://)[^/\s'\"]*@")


class InputError(Exception):
    """An error that the user can correct.

    The message says what went wrong, in which file, and what to do. Entry points print it without a
    traceback and exit with status 1. Passwords in addresses are taken out of it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(without_credentials(message))


def without_credentials(text: str) -> str:
    """The text with `scheme://host` for every `scheme://user:password@host` in it."""
    return _USER_INFORMATION.sub("", text)
