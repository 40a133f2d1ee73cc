"""Failures of remote stores: what to tell people, and whether another attempt may succeed."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from src.errors import without_secrets

# Errors of Amazon's, Google's and Azure's libraries that concern credentials, by name. The
# libraries are not imported, as most users have one of them at most.
_CREDENTIALS = {
    *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"),
    *("TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError", "ProfileNotFound"),
    *("DefaultCredentialsError", "RefreshError"),
    *("ClientAuthenticationError", "CredentialUnavailableError"),
}
# Packages whose errors come from the network.
_NETWORK = {"aiohttp", "aiobotocore", "azure", "botocore", "fsspec", "gcsfs", "google", "urllib3"}
_NO_CONNECTION = {
    *("ClientConnectorError", "ClientConnectorDNSError", "ClientConnectorSSLError"),
    *("EndpointConnectionError", "ConnectionRefusedError", "gaierror"),
}
_BROKEN_OFF = {
    *("ClientPayloadError", "ClientOSError", "ServerDisconnectedError", "ConnectionClosedError"),
    *("ConnectionResetError", "BrokenPipeError", "IncompleteRead", "ResponseStreamingError"),
}
_PASSING = {408, 425, 429}  # refusals after which a server may answer: timeouts, too many requests
MOST_LETTERS = 300  # of what a library says
NOT_THERE = (errno.ENOENT, "it is not there")


@dataclass(frozen=True)
class Failure:
    """Why a store did not do something.

    Attributes:
        number: an error number of the system, as OSError takes it.
        reason: the reason in words for people.
        passing: whether another attempt may succeed.
    """

    number: int
    reason: str
    passing: bool


def failure_of(error: Exception) -> Failure:
    """Return what an error of a store means.

    Args:
        error: an error of fsspec, of the package behind it, or of the network.
    """
    chain = list(_chain(error))
    names = {type(one).__name__ for one in chain}
    status = next((found for one in chain if (found := _status(one))), None)
    # aiohttp gives a status to an answer that came in part only.
    if names & _BROKEN_OFF:
        return Failure(errno.EIO, "the connection broke off", True)
    if names & _CREDENTIALS:
        return Failure(errno.EIO, "there are no credentials for it on this machine", False)
    if status in (401, 403) or isinstance(error, PermissionError):
        return Failure(errno.EIO, "the credentials of this machine do not allow it", False)
    if "NoSuchBucket" in names:
        return Failure(errno.ENOENT, "there is no such bucket", False)
    if status in (404, 410) or isinstance(chain[-1], FileNotFoundError):
        return Failure(*NOT_THERE, False)
    if status and status >= 400:
        passing = status >= 500 or status in _PASSING
        return Failure(errno.EIO, f"the server answered {status}{_words(error)}", passing)
    if any("Timeout" in name for name in names):
        return Failure(errno.EIO, "the server did not answer in time", True)
    if names & _NO_CONNECTION:
        return Failure(errno.EIO, "there is no connection to the server", True)
    network = isinstance(error, OSError) or type(error).__module__.split(".")[0] in _NETWORK
    text = _words(error).removeprefix(": ")
    return Failure(errno.EIO, text if network else f"{type(error).__name__}: {text}", network)


def _words(error: Exception) -> str:
    """Return what a store itself says about an error, after a colon, or an empty text."""
    said = error.strerror if isinstance(error, OSError) else getattr(error, "message", None)
    text = without_secrets(" ".join(str(said or error).split()))
    # Some libraries name every place where they have looked.
    text = f"{text[:MOST_LETTERS]} …" if len(text) > MOST_LETTERS else text
    return f": {text}" if text else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes. fsspec turns any error of HTTP into FileNotFoundError."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _status(error: BaseException) -> int | None:
    """Return the status of an HTTP answer that an error is about, or None."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    for name in ("status", "status_code", "code"):
        if isinstance(value := getattr(error, name, None), int):
            return value
    return None
