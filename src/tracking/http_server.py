"""Tracking servers that are reached over HTTP: their logins, and how long to wait for one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from src.errors import without_credentials

# Seconds for an answer, and further tries: together less than the 20 s that a person waits.
_IMPATIENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "8", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


def with_login_set_apart(uri: str) -> str:
    """The address of a server without its user and password, which MLflow is told elsewhere.

    MLflow would print and store them with the address. Other addresses stay as they are.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or parts.username is None:
        return uri
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password or "")
    return without_credentials(uri)


@contextmanager
def impatient() -> Iterator[None]:
    """Give a server up that does not answer within 20 s; by itself MLflow tries for 4 minutes.

    What the environment says already stays.
    """
    added = {name: value for name, value in _IMPATIENT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
