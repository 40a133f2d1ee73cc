"""The one exception that is written for the person at the keyboard."""

import re

# RFC 3986, 3.2.1: what stands between the two slashes and the host of an address.
_USER_INFORMATION = re.compile(r"(?<=://)[^/\s'\"]*@")


class InputError(Exception):
    """A problem its reader can mend: says what went wrong, on which file, and what to do.

    Entry points print the message without a traceback and exit with status 1. Passwords in
    addresses are taken out of it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(without_credentials(message))


def without_credentials(text: str) -> str:
    """The text with `scheme://host` for every `scheme://user:password@host` in it."""
    return _USER_INFORMATION.sub("", text)
