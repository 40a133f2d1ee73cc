"""Pictures with dark lines of known course and width, for tests of measuring."""

import cv2
import numpy as np
from PIL import Image

WIDTH, HEIGHT = 600, 400
# Drawn this many times as large, so that widths of fractions of a pixel are exact.
FINER = 8


def line_picture(
    *lines: tuple[np.ndarray, float], dark: float = 0.25, blur: float = 0.8, seed: int = 0
) -> Image.Image:
    """A grey surface with some texture, and lines: each has its points (n, 2) and its width."""
    cover = np.zeros((HEIGHT * FINER, WIDTH * FINER), np.uint8)
    for points, width in lines:
        fine = np.rint((points + 0.5) * FINER).astype(np.int32)
        cv2.polylines(cover, [fine], False, 255, round(width * FINER))
    cover = cv2.resize(cover, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) / 255
    grey = 160 * (1 - (1 - dark) * cover)
    grey = cv2.GaussianBlur(grey, (0, 0), blur) + np.random.default_rng(seed).normal(
        0, 2, grey.shape
    )
    return Image.fromarray(np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2))


def wave(rise: float = 0.0, y: float = 200.0) -> np.ndarray:
    """The points of a line that winds through a picture from the left to the right."""
    x = np.arange(50.0, 550.0)
    return np.stack([x, y + 12 * np.sin(x / 40) - rise * (x - 300)], axis=1)


def whole(label: int = 1) -> np.ndarray:
    """Labels of a grid of 8 pixels on which one region covers the picture."""
    return np.full((HEIGHT // 8, WIDTH // 8), label, np.int32)
