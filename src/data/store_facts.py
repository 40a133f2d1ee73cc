"""What a store says about a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# What tells versions of a file apart, by the names that stores give it. The first one counts.
_VERSIONS = (
    *("ETag", "etag", "md5Hash", "Content-MD5"),
    *("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "created"),
)


@dataclass(frozen=True)
class Facts:
    """What a store says about a file.

    Attributes:
        size: its bytes, or None if the store does not say.
        version: text that changes with the content, or None if the store gives no such thing.
    """

    size: int | None
    version: str | None


def facts_of(info: Mapping[str, Any]) -> Facts:
    """Return what a store says about a file in the form of fsspec."""
    size = None if info.get("size") is None else int(info["size"])
    for version in (info[name] for name in _VERSIONS if info.get(name)):
        # Times are written in the same way in every time zone.
        told = version.timestamp() if isinstance(version, datetime) else version
        return Facts(size, f"{told} {size}")
    return Facts(size, None)
