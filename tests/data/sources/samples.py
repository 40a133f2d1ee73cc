"""Small images and archives of them, made when a test asks."""

import functools
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rars
from PIL import Image

from src.config.loader import compose_config
from src.config.schema import Config
from src.config.source_schema import Http, Images, Mendeley
from src.data.sources.mendeley import MendeleySource

CLASSES = ("Negative", "Positive")
NAMES = ("Negative/00001.jpg", "Negative/00002.jpg", "Positive/00001.jpg", "Positive/00001_1.jpg")


def picture(seed: int = 0, width: int = 227, height: int = 227) -> Image.Image:
    """A coarse chequer of random colours, RGB."""
    colours = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((width, height))


def encode(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def jpeg(seed: int = 0) -> bytes:
    return encode(picture(seed))


def dataset(names: Sequence[str] = NAMES) -> dict[str, bytes]:
    return {name: jpeg(seed) for seed, name in enumerate(names)}


def lay_out(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def pack(
    archive: Path, files: Mapping[str, bytes], *, rar: str = "rar50", solid: bool = False
) -> Path:
    """Write the files into an archive of the kind its suffix says."""
    if archive.suffix == ".rar":
        builder = rars.RarBuilder(format=rar, solid=solid)
        for name, data in files.items():
            builder.add_bytes(data, name)
        builder.write(str(archive))
    elif archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, data in files.items():
                opened.writestr(name, data)
    else:
        mode: Any = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz", ".txz": "w:xz", ".tar": "w:"}[
            archive.suffix
        ]
        with tarfile.open(archive, mode) as opened:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                opened.addfile(member, io.BytesIO(data))
    return archive


@functools.cache
def composed_once(*overrides: str) -> Config:
    """As the fixture `composed`, which a script in a process of its own lacks."""
    return compose_config(["~local", *overrides])


def section(folder: Path, **options: Any) -> Images:
    """A section `data` whose images go into `folder`."""
    few = {"dir": str(folder), "minimum_images": 2, "resize": False}
    return composed_once().data.model_copy(update=few | options)


def patient(**options: Any) -> Http:
    """Tries of a download that waste no time between them."""
    data = composed_once("data=mendeley").data
    assert isinstance(data, Mendeley)
    quick = {"connect_timeout": 5.0, "read_timeout": 5.0, "retries": 2}
    quick |= {"backoff": 0.01, "longest_wait": 0.02, "user_agent": "crack-detection-test/1"}
    return data.http.model_copy(update=quick | options)


def mendeley(address: str, body: bytes, downloads: Path) -> MendeleySource:
    """The METU source, asking the server at `address` for an archive of the bytes `body`."""
    data = composed_once("data=mendeley").data
    assert isinstance(data, Mendeley)
    here = {
        "api": f"{address}/public-api",
        "direct_url": f"{address}/direct",
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "downloads": str(downloads),
        "http": patient(retries=1),
    }
    return MendeleySource(data.model_copy(update=here))
