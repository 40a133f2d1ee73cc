"""The exception for errors that the user can correct."""

import errno
import re

# The user and password in an address, between the two slashes and the host (RFC 3986, 3.2.1).
_USER_INFORMATION = re.compile(r"(?<=://)[^/\s\"]*@")
# A password with a slash, which should be written %2F there. What follows the colon is no port.
_WITH_SLASH = re.compile(r"(?<=://)(?!\[)[^/\s:@\"]*:(?!\d+/)[^\s@\"]*@")
# A password of digits and a slash looks like a port and a path. The address of a tracking server
# has no @ in its path (tracking/server_access.py), so it is a password there.
_OF_TRACKING = re.compile(r"(\buri['\"]?[=:]\s*['\"]?https?://)[^\s@'\"]*:[^\s'\"]*@")
# SQLAlchemy takes passwords with slashes in the address of a database.
_OF_DATABASE = re.compile(
    r"\b(?!(?:https?|s3|gs|az|file):)([a-z][a-z0-9+.-]*://)[^/\s:@]*:[^\s\"]*@"
)

# What follows the question mark in an address (RFC 3986, 3.4).
_QUERY = re.compile(r"(://[^\s?'\"<>]*)\?[^\s'\"<>]*")

_FULL = "the disk is full; make room, and run again"
_CLOSED = "this user may not read or write there; choose another folder, or change its mode"
_IN_THE_WAY = (
    "a file lies where a folder should be, or a folder where a file should be; move it away"
)
_MOUNTED = "a disk is mounted there, or another program uses it; choose a folder in it"
# Errors of disks and folders that the user can correct, with what to tell the user.
_OF_THE_MACHINE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _CLOSED),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY), _IN_THE_WAY),
    **dict.fromkeys((errno.EBUSY, errno.EXDEV), _MOUNTED),
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


class InputError(Exception):
    """An error that the user can correct.

    The message says what went wrong, in which file, and what to do. Entry points print it without a
    traceback and exit with status 1. Passwords in addresses are taken out of it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(without_credentials(message))


def without_credentials(text: str) -> str:
    """Return the text with `scheme://host` for every `scheme://user:password@host`."""
    for pattern in (_OF_TRACKING, _OF_DATABASE):
        text = pattern.sub(r"\1", text)
    for pattern in (_USER_INFORMATION, _WITH_SLASH):
        text = pattern.sub("", text)
    return text


def without_secrets(text: str) -> str:
    """Return the text with addresses that have no user and password, and no query.

    The query of an address may be a signature, which is as good as a password.
    """
    return _QUERY.sub(r"\1", without_credentials(text))


def sentence_of(error: Exception) -> str | None:
    """Return what to tell the user about an error, or None if it is a fault of the code."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return f"{error.filename or 'a file'} cannot be used: {reason_of(error)}"
    return None


def reason_of(error: OSError) -> str:
    """Return why a file cannot be used and what to do about it."""
    return _OF_THE_MACHINE.get(error.errno or 0, f"{error.strerror or error}")
