"""Writing files so that no half-written one is ever seen."""

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8 to `path`; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` by way of a temporary name, making its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
