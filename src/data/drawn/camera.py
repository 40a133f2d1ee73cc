"""What a camera makes of a scene: light, lens, sensor, colours, and the JPEG file."""

import cv2
import numpy as np
import numpy.typing as npt

from src.data.drawn.scene import FIXED, Image, fixed_point, spread

Photo = npt.NDArray[np.uint8]  # (height, width, 3) RGB

LIGHT_SLOPE = 0.14  # largest change of brightness from the picture's centre to an edge
VIGNETTING = 0.18  # largest loss of brightness in the corners
EXPOSURE = (0.36, 0.64)  # mean brightness that the camera aims at
AUTOMATIC = 0.6  # how much of the way there it goes, in logarithms
GAMMA = (0.85, 1.25)
WARMTH = 0.05  # standard deviation of the logarithm of red over blue
BLUR = (0.4, 1.25)  # standard deviation of the lens's blur in pixels
SHAKEN, SHAKE = 0.08, (2, 7)  # share of shaken photographs, and their path in pixels
NOISE = (0.002, 0.022)  # standard deviation of brightness
GREY = 0.05  # share of grey photographs
QUALITY = (55, 97)  # of JPEG


def photograph(rng: np.random.Generator, image: Image, *, real: bool) -> Photo:
    """Take a photo (height, width, 3) uint8 RGB of a picture (3, height, width).

    Args:
        rng: the random generator.
        image: the picture; it is changed.
        real: whether the ground is itself a photo, which is blurred and noisy already.
    """
    _light(rng, image)
    pixels = cv2.merge(list(image))
    pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.35, 0.6) if real else spread(rng, BLUR))
    if not real and rng.uniform() < SHAKEN:
        pixels = cv2.filter2D(pixels, -1, _shake(rng))
    deviation = spread(rng, NOISE) * (0.3 if real else 1.0)
    height, width, _ = pixels.shape
    noise = deviation * rng.standard_normal((height, width, 1), dtype=np.float32)
    pixels += noise
    colours = rng.standard_normal((height // 2 + 1, width // 2 + 1, 3), dtype=np.float32)
    pixels += 0.6 * deviation * cv2.resize(colours, (width, height))
    photo = _developed(rng, pixels, real=real)
    quality = int(rng.integers(*QUALITY)) if not real else 95
    stored = cv2.imencode(".jpg", photo[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    decoded = cv2.imdecode(stored, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[..., ::-1], dtype=np.uint8)


def _light(rng: np.random.Generator, image: Image) -> None:
    _, height, width = image.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    slope_y, slope_x = rng.uniform(-LIGHT_SLOPE, LIGHT_SLOPE, 2).astype(np.float32)
    loss = np.float32(rng.uniform(0, VIGNETTING) / 2)
    image *= (1 + slope_y * y + slope_x * x) * (1 - loss * (x**2 + y**2))


def _shake(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    kernel = np.zeros((9, 9), np.uint8)
    angle, reach = rng.uniform(0, np.pi), rng.uniform(*SHAKE) / 2
    ends = 4 + reach * np.array([[-1], [1]]) * (np.cos(angle), np.sin(angle))
    cv2.polylines(kernel, [fixed_point(ends)], False, 255, 1, cv2.LINE_AA, shift=FIXED)
    return (kernel / kernel.sum()).astype(np.float32)


def _developed(rng: np.random.Generator, pixels: npt.NDArray[np.float32], *, real: bool) -> Photo:
    """Apply exposure, gamma, and white balance by one table for each colour."""
    mild = 0.4 if real else 1.0
    wanted = spread(rng, EXPOSURE) / max(0.02, float(pixels[::8, ::8].mean()))
    exposure = float(np.clip(wanted**AUTOMATIC, 0.6, 2.2)) ** mild
    gamma = spread(rng, GAMMA) ** mild
    warmth = rng.normal(0, WARMTH) * mild
    gains = exposure * np.exp([warmth, rng.normal(0, 0.01), -warmth])
    levels = np.clip(pixels * np.float32(1023), 0, 1279).astype(np.uint16)
    values = np.arange(1280) / 1023
    developed = np.empty(pixels.shape, np.uint8)
    for channel, gain in enumerate(gains):
        table = np.clip(255 * np.minimum(values * gain, 1.0) ** gamma, 0, 255).astype(np.uint8)
        np.take(table, levels[..., channel], out=developed[..., channel])
    if rng.uniform() < GREY:
        developed[:] = cv2.cvtColor(developed, cv2.COLOR_RGB2GRAY)[..., None]
    return developed
