"""Tracking servers over HTTP: their logins, and how long to wait for an answer."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, unquote, urlsplit

import httpx
import mlflow

from src.errors import InputError

# Seconds for each attempt, and the number of further attempts. Together they take less than 20 s.
_IMPATIENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "8", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


def with_login_set_apart(uri: str) -> str:
    """Move user and password of a server's address into the environment, and return the address.

    MLflow reads them there. In the address it would print and store them. Addresses of databases
    stay as they are.

    Args:
        uri: a tracking URI.

    Raises:
        InputError: the port is not a number, or an @ stands behind the host, as where a password is
            cut off at its slash.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return uri
    _check_authority(parts)
    if parts.username is None:
        return uri
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password or "")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _check_authority(parts: SplitResult) -> None:
    # The address is not shown, as what stands for the port or the path may be a password.
    where = "tracking.uri, else MLFLOW_TRACKING_URI"
    advice = "in a user or password, write / as %2F, ? as %3F and # as %23"
    try:
        _ = parts.port
    except ValueError as error:
        raise InputError(
            f"{where}: the port of the server's address is no number from 0 to 65535; {advice}"
        ) from error
    if "@" in parts.path + parts.query + parts.fragment:
        raise InputError(f"{where}: the server's address has an @ behind the host; {advice}")


@contextmanager
def impatient() -> Iterator[None]:
    """Give up after 20 s if a server does not answer; by default MLflow tries for 4 minutes.

    Variables that are already set in the environment stay as they are.
    """
    added = {name: value for name, value in _IMPATIENT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def server_answers() -> bool:
    """Return whether the tracking server answers; a database without a server always does."""
    uri = mlflow.get_tracking_uri()
    if urlsplit(uri).scheme not in ("http", "https"):
        return True
    try:
        # A proxy that asks for a login answers too.
        return httpx.get(f"{uri}/health", timeout=8).status_code < 500
    except httpx.HTTPError:
        return False
