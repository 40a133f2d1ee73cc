"""Damaged photographs of every promised format, read as src.predict and the served model do.

Each is refused with a reason or read as an RGB image within the limit.
"""

import base64
import io
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice

import cv2
import numpy as np
from PIL import Image

from benchmarks.faults.damages import damaged
from src.data.decoding.photo_decoding import read_photo
from src.data.decoding.unreadable import Unreadable
from src.registry.image_judge import BadRequestImage, as_photo

LIMIT = 4.0  # megapixels


def sound_photographs() -> dict[str, bytes]:
    """By name, small photographs of all formats and kinds of pixels that docs/photos.md names."""
    y, x = np.mgrid[:48, :64].astype(np.float32)
    pixels = np.stack([4 * x, 5 * y, 255 - 2 * x - 2 * y], axis=-1).astype(np.uint8)
    scene = Image.fromarray(pixels)
    clear = scene.copy()
    clear.putalpha(100)
    turned = Image.Exif()
    turned[0x0112] = 6
    photographs = {
        "JPEG": _saved(scene, "JPEG", exif=turned),
        "JPEG progressive": _saved(scene, "JPEG", progressive=True),
        "JPEG CMYK": _saved(scene.convert("CMYK"), "JPEG"),
        "JPEG MPO": _saved(scene, "MPO", save_all=True, append_images=[scene]),
        "PNG": _saved(scene, "PNG", exif=turned),
        "PNG clear": _saved(clear, "PNG"),
        "PNG palette": _saved(scene.convert("P"), "PNG", transparency=3),
        "PNG bits": _saved(scene.convert("1"), "PNG"),
        "TIFF": _saved(scene, "TIFF", exif=turned),
        "TIFF LZW": _saved(scene, "TIFF", compression="tiff_lzw"),
        "TIFF JPEG": _saved(scene, "TIFF", compression="jpeg"),
        "TIFF fax": _saved(scene.convert("1"), "TIFF", compression="group4"),
        "TIFF 32 bits": _saved(Image.fromarray(pixels[..., 0].astype(np.int32)), "TIFF"),
        "WebP": _saved(scene, "WEBP", exif=turned),
        "WebP lossless": _saved(clear, "WEBP", lossless=True),
    }
    for name, ending in (("PNG", ".png"), ("TIFF", ".tif")):
        for bits in (12, 16):
            deep = pixels.astype(np.uint16) << (bits - 8)
            photographs[f"{name} {bits} bits"] = cv2.imencode(ending, deep)[1].tobytes()
    try:
        import pillow_heif
    except ImportError:
        return photographs
    pillow_heif.register_heif_opener()
    return photographs | {"HEIC": _saved(scene, "HEIF"), "HEIC clear": _saved(clear, "HEIF")}


def damaged_photographs(seed: int) -> Iterator[tuple[str, bytes]]:
    """Names of formats and damaged photographs, without end, the same for the same seed."""
    rng = np.random.default_rng(seed)
    sound = list(sound_photographs().items())
    while True:
        name, content = sound[rng.integers(len(sound))]
        other = sound[rng.integers(len(sound))][1]
        yield name, damaged(rng, content, other)


def read_photographs(count: int, seed: int) -> Counter[tuple[str, str]]:
    """Read `count` damaged photographs; how many of each format were read and refused.

    Raises:
        RuntimeError: anything but a refusal came out, or an image that is not as promised.
    """
    warnings.simplefilter("ignore")
    outcomes: Counter[tuple[str, str]] = Counter()
    for number, (name, data) in enumerate(islice(damaged_photographs(seed), count)):
        sent = data if number % 2 else base64.b64encode(data).decode()
        ways = partial(read_photo, data, max_megapixels=LIMIT), partial(as_photo, sent, LIMIT)
        for read in ways:
            try:
                photo = read()
                if photo.mode != "RGB" or photo.width * photo.height > LIMIT * 1e6:
                    raise ValueError(f"{photo.mode} of {photo.size}")
                outcomes[name, "read"] += 1
            except (Unreadable, BadRequestImage) as reason:
                if not str(reason).strip():
                    raise RuntimeError(f"photograph {number}, {name}: no reason") from reason
                outcomes[name, "refused"] += 1
            except Exception as error:
                raise RuntimeError(f"photograph {number}, {name}: {error!r}") from error
    return outcomes


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
