"""Photographs with masks for tests: grey noise, with a dark line as the crack."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from src.config.source_schema import ImagesOfSource, Windows
from tests.data.sources.samples import composed_once

WINDOWS = composed_once("data=photos", "data.path=x").data.windows  # type: ignore[union-attr]


def rule(**options: Any) -> Windows:
    return WINDOWS.model_copy(update=options)


def photograph(
    height: int = 300, width: int = 400, *, cracked: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and mask. The crack is a vertical line three pixels wide at a quarter of the width."""
    noise = np.random.default_rng(height).integers(100, 180, (height, width, 1), dtype=np.uint8)
    pixels, mask = np.repeat(noise, 3, axis=2), np.zeros((height, width), bool)
    if cracked:
        mask[:, width // 4 : width // 4 + 3] = True
        pixels[mask] = 20
    return pixels, mask


def save(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if picture.dtype == bool:
        picture = picture.astype(np.uint8) * 255
    assert cv2.imwrite(str(path), picture)
    return path


def settings_of(name: str, folder: Path, *overrides: str, **options: Any) -> ImagesOfSource:
    """The section of a source whose windows have 64 pixels, and which fetches into `folder`."""
    data = composed_once(f"data={name}", *overrides).data
    assert isinstance(data, ImagesOfSource)
    few = {"dir": str(folder), "image_size": 64, "minimum_images": 1}
    return data.model_copy(update=few | options)
