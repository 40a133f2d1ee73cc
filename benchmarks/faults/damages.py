"""Random damages to the bytes of a file."""

from collections.abc import Callable

import numpy as np

Damage = Callable[[np.random.Generator, bytearray, bytes], bytearray]


def damaged(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    """Damage a file's content one to three times.

    Args:
        rng: the source of randomness.
        content: the content.
        other: the content of another file, parts of which may be put in.
    """
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        data = DAMAGES[rng.integers(len(DAMAGES))](rng, data, other)
    return bytes(data)


def damaged_state(rng: np.random.Generator, content: bytes) -> tuple[str, bytes]:
    """Damage a file as a disk or an unfinished copy would; return the damage's name and the bytes.

    Args:
        rng: the source of randomness.
        content: the content.
    """
    lines = content.splitlines(keepends=True)
    flipped = bytearray(content)
    if flipped:
        flipped[rng.integers(len(flipped))] ^= 1 << int(rng.integers(8))
    cut, kept = rng.integers(len(content) + 1), rng.integers(len(lines) + 1)
    gone = int(rng.integers(len(lines))) if lines else 0
    ways = {
        "empty": b"",
        "cut within": content[:cut],
        "cut after a line": b"".join(lines[:kept]),
        "a line gone": b"".join(lines[:gone] + lines[gone + 1 :]),
        "flipped": bytes(flipped),
        "other JSON": [b"[]", b"{}", b"null", b"1"][rng.integers(4)],
        "zeros": bytes(len(content)),
        "binary": rng.integers(0, 256, 200, dtype=np.uint8).tobytes(),
    }
    name = list(ways)[rng.integers(len(ways))]
    return name, ways[name]


def _place(rng: np.random.Generator, data: bytearray) -> int:
    """A place in the data: half of the times in the first bytes, where headers are."""
    return int(rng.integers(max(1, min(len(data), 200 if rng.random() < 0.5 else len(data)))))


def _overwrite(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    at, count = _place(rng, data), int(rng.integers(1, 9))
    data[at : at + count] = rng.integers(0, 256, count, dtype=np.uint8).tobytes()
    return data


def _extremes(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    """Where lengths, sizes and offsets may stand."""
    at, count = _place(rng, data), int(rng.choice([1, 2, 4]))
    data[at : at + count] = bytes([int(rng.choice([0, 1, 127, 128, 255]))]) * count
    return data


def _flip(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    if data:
        data[_place(rng, data)] ^= 1 << int(rng.integers(8))
    return data


def _cut(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    return data[: _place(rng, data)]


def _remove(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    at = _place(rng, data)
    del data[at : at + int(rng.integers(1, 40))]
    return data


def _repeat(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    at, count = _place(rng, data), int(rng.integers(1, 200))
    return data[: at + count] + data[at:]


def _splice(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    """The end of another file behind the beginning of this one."""
    return data[: _place(rng, data)] + bytearray(other[_place(rng, bytearray(other)) :])


DAMAGES: tuple[Damage, ...] = (_overwrite, _extremes, _flip, _cut, _remove, _repeat, _splice)
