"""Pictures as files' bytes, sound and not."""

import io
import struct
import zlib

from PIL import Image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image in a format of Pillow's."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def header_of(width: int, height: int, *, colour: int = 2, content: bytes = b"") -> bytes:
    """A PNG that says it is this large, whatever pixels it has.

    Args:
        width: in pixels.
        height: in pixels.
        colour: 2 for RGB, 3 for a palette, which it has not.
        content: rows of pixels, each after a byte for its filter.
    """

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    size = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(content) if content else b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + pixels + chunk(b"IEND", b"")
