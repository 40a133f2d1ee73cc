"""Addresses of files: local paths, and those of remote stores that fsspec knows."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from src.config.source_schema import Http
from src.data.remote import WEB, AnyPath, RemotePath
from src.data.store_failures import failure_of
from src.errors import InputError, without_secrets

# The stores that results are written to. They show a file only when all of it has arrived.
WRITABLE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "memory")
# The packages of the stores that have one of their own.
PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("az", "abfs"), "adlfs"),
}


def any_path(text: str, http: Http) -> AnyPath:
    """Return the path of a local file or of one in a store.

    Args:
        text: a local path, or an address such as `s3://bucket/photos`.
        http: timeouts and retries of stores.

    Raises:
        InputError: the store is unknown, needs another package, or cannot be set up.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        return Path(text)
    if scheme == "file":
        return Path(unquote(rest))
    import fsspec

    try:
        options = _options(scheme, http)
        store, key = fsspec.url_to_fs(text, use_listings_cache=False, **options)
    except ImportError as error:
        needed = f"pip install {PACKAGES[scheme]}" if scheme in PACKAGES else str(error)
        raise InputError(f"{scheme}:// needs one more package: {needed}") from None
    # fsspec and its packages raise it for unknown protocols and settings that are missing.
    except ValueError as error:
        raise InputError(f"{without_secrets(text)}: {without_secrets(str(error))}") from None
    except Exception as error:
        raise InputError(f"{without_secrets(text)}: {failure_of(error).reason}") from None
    return RemotePath(store, key, http)


def _options(scheme: str, http: Http) -> dict[str, Any]:
    """Return the timeouts as a store of this kind takes them. Others have timeouts of their own."""
    if scheme in WEB:
        import aiohttp

        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=http.connect_timeout, sock_read=http.read_timeout
        )
        headers = {"User-Agent": http.user_agent}
        return {"client_kwargs": {"timeout": timeout, "headers": headers}}
    if PACKAGES.get(scheme) == "s3fs":
        times = {"connect_timeout": http.connect_timeout, "read_timeout": http.read_timeout}
        # One request for each file: pieces that are read side by side may be of two versions.
        return {"config_kwargs": {**times, "retries": {"max_attempts": 1}}, "max_concurrency": 1}
    return {}
